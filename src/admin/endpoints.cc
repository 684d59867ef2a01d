// Who may ask, for which path, by which method and with what body (DESIGN section 10).
#include "admin/endpoints.h"

#include <expected>
#include <span>
#include <variant>
#include <vector>

#include "admin/access.h"
#include "admin/backends_api.h"
#include "admin/drains_api.h"
#include "admin/health_api.h"
#include "admin/metrics_api.h"
#include "admin/path_pattern.h"
#include "admin/process_api.h"
#include "admin/sessions_api.h"
#include "base/log.h"
#include "http/answer.h"
#include "http/strictness.h"

namespace drover::admin {

namespace {

// Whom an endpoint is for, where there is a token.
enum class Audience : std::uint8_t {
  kAnybody,
  kHolders,    // of the token
  kReporters,  // of the token, or of the one for load reports
};

using AnswersNow = Reply (*)(const Call& call);
using AnswersLater = void (*)(const Call& call, Done done);

struct Endpoint {
  std::string_view method;  // GET serves HEAD too
  std::string_view path;
  Audience audience;
  std::variant<AnswersNow, AnswersLater> handler;
};

// A path may stand here once for each of its methods.
constexpr Endpoint kEndpoints[] = {
    {"GET", "/health", Audience::kAnybody, health},
    {"GET", "/ready", Audience::kAnybody, ready},
    {"GET", "/metrics", Audience::kAnybody, metrics},
    {"GET", "/api/v1/backends", Audience::kHolders, list_backends},
    {"POST", "/api/v1/backends/{pool}/{name}/load", Audience::kReporters, take_load},
    {"POST", "/api/v1/backends/{pool}/{name}/ready", Audience::kHolders, set_ready},
    {"POST", "/api/v1/backends/{pool}/{name}/maintenance", Audience::kHolders, set_maintenance},
    {"POST", "/api/v1/backends/{pool}/{name}/drain", Audience::kHolders, drain_backend},
    {"PUT", "/api/v1/backends/{pool}/{name}/weight", Audience::kHolders, set_weight},
    {"POST", "/api/v1/pools/{pool}/drain", Audience::kHolders, drain_pool},
    {"GET", "/api/v1/drains", Audience::kHolders, list_drains},
    {"GET", "/api/v1/drains/{id}", Audience::kHolders, show_drain},
    {"DELETE", "/api/v1/drains/{id}", Audience::kHolders, cancel_drain},
    {"POST", "/api/v1/freeze", Audience::kHolders, freeze},
    {"POST", "/api/v1/unfreeze", Audience::kHolders, unfreeze},
    {"GET", "/api/v1/sessions", Audience::kHolders, list_sessions},
    {"GET", "/api/v1/sessions/{id}", Audience::kHolders, show_session},
    {"DELETE", "/api/v1/sessions/{id}", Audience::kHolders, close_session},
    {"GET", "/api/v1/config", Audience::kHolders, show_config},
    {"POST", "/api/v1/reload", Audience::kHolders, reload},
    {"POST", "/api/v1/shutdown", Audience::kHolders, shut_down},
};

struct Match {
  const Endpoint& endpoint;
  std::vector<std::string_view> parameters;  // as written
};

// What a request comes to by its head.
struct Route {
  const Endpoint& endpoint;
  std::vector<std::string> parameters;  // decoded
  std::size_t body_size;
};

template <class T>
using Judged = std::expected<T, Reply>;

std::unexpected<Reply> refuse(unsigned status, std::string_view sentence) {
  return std::unexpected(failure(status, sentence));
}

// HEAD is GET to the table.
std::string_view method_of(const http::RequestHead& head) {
  return head.method() == "HEAD" ? "GET" : head.method();
}

Judged<Match> find_endpoint(const http::RequestHead& head, Surface surface) {
  std::string allowed;
  for (const auto& endpoint : kEndpoints) {
    if (surface == Surface::kProbes && endpoint.audience != Audience::kAnybody) continue;
    auto parameters = match(endpoint.path, head.path());
    if (!parameters) continue;
    if (endpoint.method == method_of(head)) return Match{endpoint, std::move(*parameters)};
    if (!allowed.empty()) allowed.append(", ");
    allowed.append(endpoint.method == "GET" ? "GET, HEAD" : endpoint.method);
  }
  if (allowed.empty()) return refuse(404, "no such path '" + std::string(head.path()) + "'");
  Reply reply = failure(405, "this path allows " + allowed);
  reply.allow = std::move(allowed);
  return std::unexpected(std::move(reply));
}

Judged<std::size_t> size_of_body(const http::RequestHead& head) {
  const auto framing = http::read_framing(head, head.minor_version());
  if (!framing) return refuse(http::status_of(framing.error().code), framing.error().detail);
  const bool chunked = framing->framing == http::Framing::kChunked;
  if (method_of(head) == "GET" || head.method() == "DELETE") {
    if (chunked || framing->length > 0) return refuse(413, "no request body is taken here");
    return 0;
  }
  // RFC 9110 section 15.5.12.
  if (chunked) return refuse(411, "a body needs a Content-Length here, Transfer-Encoding is not taken");
  if (framing->length > Endpoints::kMaxBody) {
    return refuse(413, "the body is over " + std::to_string(Endpoints::kMaxBody) + " bytes");
  }
  return static_cast<std::size_t>(framing->length);
}

Judged<void> check_grant(const http::RequestHead& head, const Tokens& tokens, Audience audience) {
  if (tokens.all.empty() || audience == Audience::kAnybody) return {};
  const Grant grant = grant_of(head, tokens);
  if (grant == Grant::kEverything || (grant == Grant::kLoad && audience == Audience::kReporters)) return {};
  if (grant == Grant::kLoad) {
    return refuse(403, "this token is for load reports alone: POST /api/v1/backends/{pool}/{name}/load");
  }
  return refuse(401, "this needs the token, as 'Authorization: Bearer TOKEN' or as the password of Basic");
}

Judged<Route> judge(const http::RequestHead& head, const Access& access) {
  const auto found = find_endpoint(head, access.surface);
  if (access.surface == Surface::kAdmin) {
    if (const auto own = check_access(head, access.hosts); !own) {
      return refuse(http::status_of(own.error().code), own.error().detail);
    }
    // What is not there is for holders too: nobody else learns which paths there are.
    const auto audience = found ? found->endpoint.audience : Audience::kHolders;
    if (auto granted = check_grant(head, access.tokens, audience); !granted) {
      return std::unexpected(std::move(granted.error()));
    }
  }
  if (!found) return std::unexpected(found.error());
  const auto body = size_of_body(head);
  if (!body) return std::unexpected(body.error());
  Route route{.endpoint = found->endpoint, .parameters = {}, .body_size = *body};
  for (const auto written : found->parameters) {
    auto decoded = percent_decoded(written);
    if (!decoded) return refuse(400, "a '%' in the path has no two hexadecimal digits behind it");
    route.parameters.push_back(std::move(*decoded));
  }
  return route;
}

Body body_sent(const http::RequestHead& head) {
  return head.method() == "HEAD" ? Body::kLeftOut : Body::kSent;
}

}  // namespace

std::size_t Endpoints::body_size(const http::RequestHead& head) const {
  const auto route = judge(head, access_);
  return route ? route->body_size : 0;
}

void Endpoints::answer(const Request& request, std::function<void(const std::string& response)> respond) {
  const Done done = [sent = body_sent(request.head), respond = std::move(respond)](const Reply& reply) {
    respond(response(reply, sent));
  };
  const auto route = judge(request.head, access_);
  if (!route) {
    if (route.error().status == 401) log_unauthorized(request);
    return done(route.error());
  }
  const Call call{.request = request, .parameters = route->parameters, .source = source_};
  const auto& handler = route->endpoint.handler;
  if (const auto* answers_now = std::get_if<AnswersNow>(&handler)) return done((*answers_now)(call));
  std::get<AnswersLater>(handler)(call, done);
}

// Once a second at most: whoever guesses tokens must not fill the disk.
void Endpoints::log_unauthorized(const Request& request) {
  ++unauthorized_unlogged_;
  if (request.now - unauthorized_logged_at_ < Milliseconds(1'000)) return;
  log::warn("admin_unauthorized", {{"peer", request.peer.text()}, {"attempts", unauthorized_unlogged_}});
  unauthorized_logged_at_ = request.now;
  unauthorized_unlogged_ = 0;
}

std::string answer_error(const Error& error) {
  Reply reply = failure(http::status_of(error.code), error.detail);
  if (reply.status == 405) reply.allow = "GET, HEAD";  // CONNECT, which has no path to look at
  return response(reply, Body::kSent);
}

std::string answer_unanswered(const http::RequestHead& head) {
  return response(failure(504, "the workers were asked for this and have not answered in time"), body_sent(head));
}

}  // namespace drover::admin
