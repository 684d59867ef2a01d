// A page is written as text: a thousand sessions take a millisecond that way.
#include "admin/sessions_api.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <expected>
#include <memory>

#include "admin/find_backend.h"
#include "admin/query.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "http/answer.h"

namespace drover::admin {

namespace {

constexpr unsigned kMostSessions = 1'000;  // a page: it is written in one turn of the loop

// Session ids, and the cursors, which look like them: 8 bytes in hexadecimal.
bool is_session_id(std::string_view text) {
  return text.size() == 16 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Reply no_session(const std::string& id) {
  return failure(404, "no session '" + id + "'");
}

std::optional<unsigned> read_limit(std::string_view text) {
  unsigned limit = 0;
  const auto* end = std::to_address(text.end());
  const auto parsed = std::from_chars(std::to_address(text.begin()), end, limit);
  if (parsed.ec != std::errc() || parsed.ptr != end || limit < 1 || limit > kMostSessions) return std::nullopt;
  return limit;
}

std::expected<proxy::SessionQuery, Reply> read_session_query(std::string_view text) {
  constexpr std::array<std::string_view, 5> kNames = {"pool", "backend", "client", "limit", "cursor"};
  const auto values = read_query(text, kNames);
  if (!values) return std::unexpected(failure(http::status_of(values.error().code), values.error().detail));
  proxy::SessionQuery query;
  query.pool = (*values)[0];
  query.backend = (*values)[1];
  query.client = (*values)[2];
  if (const auto& limit = (*values)[3]; !limit.empty()) {
    const auto read = read_limit(limit);
    if (!read) return std::unexpected(failure(400, "limit is a number from 1 to " + std::to_string(kMostSessions)));
    query.limit = *read;
  }
  query.cursor = (*values)[4];
  if (!query.cursor.empty() && !is_session_id(query.cursor)) {
    return std::unexpected(failure(400, "cursor is not one that a page of sessions has given"));
  }
  return query;
}

void write(JsonWriter& out, const proxy::SessionView& session) {
  out.open_object();
  out.add("id", session.id);
  out.add("resume_id", session.resume_id);
  out.add("client", session.client);
  out.add("pool", session.pool);
  out.add("backend", session.backend);
  out.add("age_ms", session.age.count());
  out.add("subprotocol", session.subprotocol);
  out.add("messages_in", session.messages_in);
  out.add("messages_out", session.messages_out);
  out.add("bytes_in", session.bytes_in);
  out.add("bytes_out", session.bytes_out);
  out.add("queued", session.queued);
  out.add("moves", session.moves);
  out.add("state", session.state);
  out.add("path", session.path);
  out.close_object();
}

Reply reply_of(JsonWriter out) {
  Reply reply;
  reply.body = std::move(out).take().append("\n");
  return reply;
}

Reply page_reply(const proxy::SessionPage& page) {
  JsonWriter out;
  out.open_object();
  out.key("sessions");
  out.open_array();
  for (const auto& session : page.sessions) write(out, session);
  out.close_array();
  out.key("cursor");
  page.cursor.empty() ? out.null() : out.value(page.cursor);
  out.close_object();
  return reply_of(std::move(out));
}

Reply session_reply(const proxy::SessionView& session) {
  JsonWriter out;
  write(out, session);
  return reply_of(std::move(out));
}

}  // namespace

void list_sessions(const Call& call, Done done) {
  const auto query = read_session_query(call.request.head.query());
  if (!query) return done(query.error());
  if (const auto known = check_filter(call.source, query->pool, query->backend); !known) return done(known.error());
  call.source.list_sessions(*query,
                            [done = std::move(done)](const proxy::SessionPage& page) { done(page_reply(page)); });
}

void show_session(const Call& call, Done done) {
  const auto& id = call.parameters[0];
  if (!is_session_id(id)) return done(no_session(id));
  call.source.find_session(id, [id, done = std::move(done)](const std::optional<proxy::SessionView>& session) {
    done(session ? session_reply(*session) : no_session(id));
  });
}

void close_session(const Call& call, Done done) {
  const auto& id = call.parameters[0];
  if (!is_session_id(id)) return done(no_session(id));
  call.source.close_session(id, [id, peer = call.request.peer.text(), done = std::move(done)](bool found) {
    if (!found) return done(no_session(id));
    log::info("session_close_asked", {{"session", id}, {"peer", peer}});
    done(json_reply(200, nlohmann::ordered_json{{"id", id}, {"closing", true}}));
  });
}

}  // namespace drover::admin
