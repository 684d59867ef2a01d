// What is a secret is never quoted in a message.
#include "config/read_migration.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <unordered_map>

#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

constexpr milliseconds kNotZero{1};
constexpr milliseconds kZeroAllowed{0};
constexpr std::size_t kShortestSecret = 16;  // characters: fewer can be guessed

using OnInvalidToken = Resume::OnInvalidToken;

constexpr std::array kNotify = {
    Choice<Notify>{"off", Notify::kOff},
    Choice<Notify>{"opt_in", Notify::kOptIn},
    Choice<Notify>{"always", Notify::kAlways},
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

// A client is told at the start of its grace, and has its Close at the end of it.
void read_times(Reader& reader, const Field& map, Migration& migration) {
  const Field grace = map["grace"];
  const Field deadline = map["deadline"];
  const bool grace_known = read_duration(reader, grace, kZeroAllowed, migration.grace);
  const bool deadline_known = read_duration(reader, deadline, kNotZero, migration.deadline);
  if (!grace_known || !deadline_known || migration.grace < migration.deadline) return;
  reader.error((grace.present() ? grace : deadline).position(),
               "'" + grace.path + "' at '" + format_duration(migration.grace) + "' must be below '" + deadline.path +
                   "' at '" + format_duration(migration.deadline) +
                   "': no client could be told in time to reconnect before it is closed");
}

std::size_t characters(std::string_view text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };  // UTF-8
  return static_cast<std::size_t>(std::ranges::count_if(text, begins));
}

}  // namespace

void read_migration(Reader& reader, const Field& map, Migration& migration) {
  const Field notify = map["notify"];
  reader.choice(notify, std::span<const Choice<Notify>>(kNotify), migration.notify);
  if (migration.notify == Notify::kAlways)
    reader.warn(notify.position(), "'" + notify.path +
                                       "' at 'always' sends a message of Drover's own to clients that did not ask for "
                                       "it; those that do not know it break: graphql-ws closes with 4004, engine.io "
                                       "and Phoenix throw");
  reader.pace(map["pace"], migration.pace);
  read_times(reader, map, migration);
  const Field endpoint = map["endpoint"];
  const auto text = reader.text(endpoint);
  if (!text) return;
  if (text->empty()) {
    migration.endpoint.clear();
  } else if (auto url = reader.parsed(endpoint, *text, parse_websocket_url)) {
    migration.endpoint = *std::move(url);
  }
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
