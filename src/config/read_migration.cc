// What is a secret is never quoted in a message.
#include "config/read_migration.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

constexpr milliseconds kNotZero{1};
constexpr milliseconds kZeroAllowed{0};
constexpr std::size_t kShortestSecret = 16;  // characters: fewer can be guessed

using OnInvalidToken = Resume::OnInvalidToken;

constexpr std::uint64_t kMostState = 16ULL << 20U;  // bytes

constexpr std::array kHandoff = {
    Choice<Handoff>{"off", Handoff::kOff},
    Choice<Handoff>{"opt_in", Handoff::kOptIn},
    Choice<Handoff>{"assume", Handoff::kAssume},
};

constexpr std::array kNotify = {
    Choice<Notify>{"off", Notify::kOff},
    Choice<Notify>{"opt_in", Notify::kOptIn},
    Choice<Notify>{"always", Notify::kAlways},
};

constexpr std::array kOnDown = {
    Choice<OnDown>{"keep", OnDown::kKeep},
    Choice<OnDown>{"move", OnDown::kMove},
};

constexpr std::array kOnInvalidToken = {
    Choice<OnInvalidToken>{"ignore", OnInvalidToken::kIgnore},
    Choice<OnInvalidToken>{"reject", OnInvalidToken::kReject},
};

// False: the field has no duration that could be taken, which has been reported.
bool read_duration(Reader& reader, const Field& field, milliseconds least, milliseconds& out) {
  constexpr milliseconds kNone{-1};
  milliseconds read = kNone;
  reader.duration(field, least, read);
  if (read == kNone) return !field.present();
  out = read;
  return true;
}

struct Span {
  Field field;
  milliseconds least;
  milliseconds& out;
};

// Reads both. A part that is not below its whole is refused, with `why`.
void read_part(Reader& reader, const Span& part, const Span& whole, std::string_view why) {
  const bool part_known = read_duration(reader, part.field, part.least, part.out);
  const bool whole_known = read_duration(reader, whole.field, whole.least, whole.out);
  if (!part_known || !whole_known || part.out < whole.out) return;
  std::string message = "'" + part.field.path + "' at '" + format_duration(part.out) + "' must be below '" +
                        whole.field.path + "' at '" + format_duration(whole.out) + "': ";
  reader.error((part.field.present() ? part.field : whole.field).position(), message.append(why));
}

std::size_t characters(std::string_view text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };  // UTF-8
  return static_cast<std::size_t>(std::ranges::count_if(text, begins));
}

void read_notify(Reader& reader, const Field& map, Migration& migration) {
  const Field notify = map["notify"];
  reader.choice(notify, std::span<const Choice<Notify>>(kNotify), migration.notify);
  if (migration.notify == Notify::kAlways)
    reader.warn(notify.position(), "'" + notify.path +
                                       "' at 'always' sends a message of Drover's own to clients that did not ask for "
                                       "it; those that do not know it break: graphql-ws closes with 4004, engine.io "
                                       "and Phoenix throw");
  // A client is told at the start of its grace, and has its Close at the end of it.
  read_part(reader, {map["grace"], kZeroAllowed, migration.grace}, {map["deadline"], kNotZero, migration.deadline},
            "no client could be told in time to reconnect before it is closed");
  const Field endpoint = map["endpoint"];
  const auto text = reader.text(endpoint);
  if (!text) return;
  if (text->empty()) {
    migration.endpoint.clear();
  } else if (auto url = reader.parsed(endpoint, *text, parse_websocket_url)) {
    migration.endpoint = *std::move(url);
  }
}

void read_handoff(Reader& reader, const Field& map, Migration& migration) {
  const Field handoff = map["handoff"];
  const Field rescue = map["rescue"];
  reader.choice(handoff, std::span<const Choice<Handoff>>(kHandoff), migration.handoff);
  reader.flag(rescue, migration.rescue);
  if (migration.handoff == Handoff::kAssume)
    reader.warn(handoff.position(), "'" + handoff.path +
                                        "' at 'assume' changes backends that know nothing of it: what one keeps for a "
                                        "connection is lost, and so is what it sends late; Socket.IO, graphql-ws and "
                                        "Phoenix keep such state");
  if (migration.rescue && migration.handoff == Handoff::kOff)
    reader.error(rescue.position(), "'" + rescue.path + "' needs '" + handoff.path +
                                        "' at 'opt_in' or 'assume': sessions are rescued by a handoff");
  read_part(reader, {map["quiet"], kNotZero, migration.quiet},
            {map["handoff_timeout"], kNotZero, migration.handoff_timeout},
            "no backend could have been quiet for long enough in time");
  reader.size(map["max_state"], 0, kMostState, migration.max_state);
  reader.duration(map["cooldown"], kZeroAllowed, migration.cooldown);
  reader.share(map["stop_if_failing"], migration.stop_if_failing);
}

void read_on_down(Reader& reader, const Field& map, Pool& pool) {
  const Field on_down = map["on_down"];
  reader.choice(on_down, std::span<const Choice<OnDown>>(kOnDown), pool.on_down);
  if (reader.failed()) return;  // what could not be read would be warned of for the wrong reason
  if (pool.on_down == OnDown::kMove && !pool.migration.rescue)
    reader.warn(on_down.position(), "'" + on_down.path + "' at 'move' moves nothing without '" +
                                        map["migration"].child_path("rescue") + "' at true");
}

void read_rebalance(Reader& reader, const Field& map, Rebalance& rebalance) {
  reader.flag(map["enabled"], rebalance.enabled);
  const Field threshold = map["threshold"];
  reader.share(threshold, rebalance.threshold);
  if (rebalance.threshold <= 0 || rebalance.threshold >= 1)
    reader.error(threshold.position(), "'" + threshold.path + "' must be above 0% and below 100%, got '" +
                                           format_share(rebalance.threshold) + "'");
  reader.pace(map["pace"], rebalance.pace);
  reader.duration(map["cooldown"], kZeroAllowed, rebalance.cooldown);
  reader.duration(map["interval"], kNotZero, rebalance.interval);
}

}  // namespace

void read_migration(Reader& reader, const Field& map, Pool& pool) {
  const Field migration = map["migration"];
  read_handoff(reader, migration, pool.migration);
  read_notify(reader, migration, pool.migration);
  reader.pace(migration["pace"], pool.migration.pace);
  reader.pace(map["lost_backend"]["close_pace"], pool.lost_backend.close_pace);
  read_on_down(reader, map, pool);
  read_rebalance(reader, map["rebalance"], pool.rebalance);
}

void read_resume(Reader& reader, const Field& map, Resume& resume) {
  reader.choice(map["on_invalid_token"], std::span<const Choice<OnInvalidToken>>(kOnInvalidToken),
                resume.on_invalid_token);
  const Field list = map["secrets"];
  std::unordered_map<std::string, std::string> taken;  // secret → the path of the first
  for (std::size_t index = 0; index < list.size(); ++index) {
    const Field field = list.item(index);
    const auto secret = reader.secret(field);
    if (!secret) continue;
    const std::size_t length = characters(*secret);
    if (*secret == kHiddenSecret) {
      reader.error(field.position(), "'" + field.path + "' is hidden here, as in every dump; put in the secret itself");
    } else if (length < kShortestSecret) {
      reader.error(field.position(), "'" + field.path + "' must have at least " + std::to_string(kShortestSecret) +
                                         " characters; it has " + std::to_string(length));
    } else if (const auto [first, added] = taken.emplace(*secret, field.path); !added) {
      reader.error(field.position(), "'" + field.path + "' is the same secret as '" + first->second + "'");
    } else {
      resume.secrets.push_back(*secret);
    }
  }
}

}  // namespace drover::config
