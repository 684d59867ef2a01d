// DESIGN section 10: GET /api/v1/sessions?pool=&backend=&client=&limit=&cursor=.
#include "app/ctl_sessions.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "app/ctl_figures.h"

namespace drover::app {

namespace {

using Align = Table::Align;

constexpr std::uint64_t kPage = 1'000;  // the most that the admin port gives at once

std::string target_of(const CtlLine::Filter& filter, std::uint64_t limit, const std::string& cursor) {
  std::string target = "/api/v1/sessions?limit=" + std::to_string(limit);
  const auto add = [&target](std::string_view name, const std::string& value) {
    if (!value.empty()) target.append("&").append(name).append("=").append(percent_encoded(value));
  };
  add("pool", filter.pool);
  add("backend", filter.backend);
  add("client", filter.client);
  add("cursor", cursor);
  return target;
}

void append(SessionsAnswer& all, SessionsAnswer&& page) {
  std::ranges::move(page.sessions, std::back_inserter(all.sessions));
  std::ranges::move(page.json, std::back_inserter(all.json));
  all.cursor = std::move(page.cursor);
}

template <class Format>
std::string shown(const std::optional<std::uint64_t>& value, Format format) {
  return value ? format(*value) : "-";
}

std::string exact(std::uint64_t value) {
  return std::to_string(value);
}

std::string age(std::uint64_t milliseconds) {
  return age_text(Milliseconds(milliseconds));
}

std::string bytes_in_full(std::uint64_t bytes) {
  return bytes < 1000 ? bytes_text(bytes) : bytes_text(bytes) + " (" + exact(bytes) + ")";
}

}  // namespace

Result<SessionsAnswer> list_sessions(const CtlClient& client, const CtlLine& line) {
  SessionsAnswer all;
  do {
    const auto left = line.limit ? *line.limit - all.sessions.size() : kPage;
    const auto body = client.get(target_of(line.filter, std::min(left, kPage), all.cursor));
    if (!body) return std::unexpected(body.error());
    auto page = read_sessions(*body);
    if (!page.cursor.empty() && page.cursor == all.cursor) {
      return fail(Code::kBadGateway, Side::kDrover,
                  client.place() + " gives the same page of sessions again and again");
    }
    append(all, std::move(page));
  } while (!all.cursor.empty() && (!line.limit || all.sessions.size() < *line.limit));
  return all;
}

std::string sessions_table(const SessionsAnswer& sessions, const Screen& screen) {
  Table table({{"ID"},
               {"CLIENT"},
               {"POOL"},
               {"BACKEND"},
               {"STATE"},
               {"AGE", Align::kRight},
               {"MESSAGES IN", Align::kRight},
               {"OUT", Align::kRight},
               {"BYTES IN", Align::kRight},
               {"OUT", Align::kRight},
               {"QUEUED", Align::kRight},
               {"MOVES", Align::kRight},
               {"PATH"}});
  for (const auto& session : sessions.sessions) {
    table.add({{printable(session.id)},
               {printable(session.client)},
               {printable(session.pool)},
               {printable(session.backend)},
               {printable(session.state)},
               {shown(session.age_ms, age)},
               {shown(session.messages_in, count_text)},
               {shown(session.messages_out, count_text)},
               {shown(session.bytes_in, bytes_text)},
               {shown(session.bytes_out, bytes_text)},
               {shown(session.queued, bytes_text)},
               {shown(session.moves, exact)},
               {printable(session.path)}});
  }
  return table.text(screen);
}

std::string more_sessions_note(const SessionsAnswer& sessions) {
  if (sessions.cursor.empty()) return {};
  return "there are more than these " + std::to_string(sessions.sessions.size()) + ": see --limit and --all\n";
}

std::string session_text(const SessionAnswer& session) {
  const std::pair<const char*, std::string> fields[] = {
      {"id", printable(session.id)},
      {"resume id", printable(session.resume_id)},
      {"state", printable(session.state)},
      {"client", printable(session.client)},
      {"path", printable(session.path)},
      {"subprotocol", printable(session.subprotocol)},
      {"pool", printable(session.pool)},
      {"backend", printable(session.backend)},
      {"age", shown(session.age_ms, age)},
      {"messages in", shown(session.messages_in, exact)},
      {"messages out", shown(session.messages_out, exact)},
      {"bytes in", shown(session.bytes_in, bytes_in_full)},
      {"bytes out", shown(session.bytes_out, bytes_in_full)},
      {"queued", shown(session.queued, bytes_in_full)},
      {"moves", shown(session.moves, exact)},
  };
  constexpr std::size_t kNameWidth = 14;
  std::string text;
  for (const auto& [name, value] : fields) {
    std::string line = name;
    line.resize(kNameWidth, ' ');
    text.append(line).append(value.empty() ? "-" : value).append("\n");
  }
  return text;
}

}  // namespace drover::app
