// Who may ask, for which path, by which method and with what body (DESIGN section 10).
#include "admin/endpoints.h"

#include <expected>
#include <span>
#include <vector>

#include "admin/access.h"
#include "admin/backends_api.h"
#include "admin/health_api.h"
#include "admin/path_pattern.h"
#include "http/answer.h"
#include "http/strictness.h"

namespace drover::admin {

namespace {

struct Endpoint {
  std::string_view method;  // GET serves HEAD too
  std::string_view path;
  Reply (*handler)(const Call& call);
};

// A path may stand here once for each of its methods.
constexpr Endpoint kEndpoints[] = {
    {"GET", "/health", health},
    {"GET", "/ready", ready},
    {"GET", "/api/v1/backends", list_backends},
    {"POST", "/api/v1/backends/{pool}/{name}/load", take_load},
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

Judged<Match> find_endpoint(const http::RequestHead& head) {
  std::string allowed;
  for (const auto& endpoint : kEndpoints) {
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
  if (method_of(head) == "GET") {
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

Judged<Route> judge(const http::RequestHead& head) {
  if (const auto access = check_access(head); !access) {
    return refuse(http::status_of(access.error().code), access.error().detail);
  }
  const auto found = find_endpoint(head);
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

}  // namespace

std::size_t Endpoints::body_size(const http::RequestHead& head) const {
  const auto route = judge(head);
  return route ? route->body_size : 0;
}

std::string Endpoints::answer(const Request& request) const {
  const auto route = judge(request.head);
  const Reply reply = route ? route->endpoint.handler({request, route->parameters, source_}) : route.error();
  return response(reply, request.head.method() == "HEAD" ? Body::kLeftOut : Body::kSent);
}

std::string answer_error(const Error& error) {
  return response(failure(http::status_of(error.code), error.detail), Body::kSent);
}

}  // namespace drover::admin
