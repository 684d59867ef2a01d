// The wording of what Drover says to clients: what was wrong, and no word about backends.
#include "http/answer.h"

namespace drover::http {
namespace {

// What a client that is not to blame may know: no word about backends.
std::string_view general_sentence(unsigned status) {
  switch (status) {
    case 401: return "the token is not good here";
    case 403: return "this is not allowed";
    case 404: return "nothing is served at this host and path";
    case 408: return "the request did not arrive in time";
    case 426: return "only WebSocket connections are served here";
    case 429: return "too many requests; slow down and try again";
    case 502: return "the service gave an invalid answer";
    case 503: return "the service is not available at the moment; try again soon";
    case 504: return "the service did not answer in time";
    default: return "the request cannot be served";
  }
}

// Seconds; long enough for a restarted backend to be probed again, short enough for a person.
constexpr std::string_view kRetryAfter = "Retry-After: 5\r\n";

std::string_view extra_headers(unsigned status) {
  switch (status) {
    case 401: return "WWW-Authenticate: Drover-Token\r\n";  // RFC 9110 section 15.5.2 wants one
    case 405:
      return "Allow: GET\r\n";  // RFC 9110 section 15.5.6
    // RFC 9110 section 15.5.22 wants Upgrade, RFC 6455 section 4.2.2 the version.
    case 426: return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    case 503: return kRetryAfter;
    default: return {};
  }
}

// Up to where the answers differ.
std::string head_begin(unsigned status, std::string_view type, std::size_t size) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head.append(reason_of(status)).append("\r\nContent-Type: ").append(type);
  return head.append("\r\nCache-Control: no-store\r\nContent-Length: ").append(std::to_string(size)).append("\r\n");
}

}  // namespace

unsigned status_of(Code code) {
  switch (code) {
    case Code::kBadRequest: return 400;
    case Code::kUnauthorized: return 401;
    case Code::kForbidden: return 403;
    case Code::kNoRoute: return 404;
    case Code::kMethodNotAllowed: return 405;
    case Code::kRequestTimeout: return 408;
    case Code::kTargetTooLong: return 414;
    case Code::kUpgradeRequired:
    case Code::kUnsupportedVersion: return 426;
    case Code::kTooManyRequests: return 429;
    case Code::kHeadTooLarge: return 431;
    case Code::kBadGateway: return 502;
    case Code::kGatewayTimeout: return 504;
    case Code::kConnectionLimit:
    case Code::kUnavailable:
    case Code::kConnectFailed:
    case Code::kConnectTimeout:
    case Code::kOwnResources:
    case Code::kAddress:
    case Code::kConfiguration:
    case Code::kInternal: return 503;
  }
  return 503;
}

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Unknown";
  }
}

std::string answer_to(const Error& error) {
  const auto status = status_of(error.code);
  const auto reason = reason_of(status);
  const bool client_may_know = error.side == Side::kClient && !error.detail.empty();
  const auto sentence = client_may_know ? std::string_view(error.detail) : general_sentence(status);

  std::string body;
  body.append(reason).append(": ").append(sentence).append(".\n");

  std::string answer = head_begin(status, "text/plain; charset=utf-8", body.size());
  answer.append(extra_headers(status));
  // RFC 9110 section 7.8: who sends Upgrade names it in Connection.
  answer.append(status == 426 ? "Connection: close, Upgrade\r\n\r\n" : "Connection: close\r\n\r\n");
  return answer.append(body);
}

std::string readiness_answer(Ready ready, Body sent) {
  const std::string_view body = ready == Ready::kYes ? "{\"ready\":true}\n" : "{\"ready\":false}\n";
  std::string answer = head_begin(ready == Ready::kYes ? 200 : 503, "application/json", body.size());
  answer.append("Connection: close\r\n\r\n");
  return sent == Body::kSent ? answer.append(body) : answer;
}

std::string page_answer(const Page& page, Body sent) {
  std::string answer = head_begin(200, "text/html; charset=utf-8", page.html.size());
  answer.append("Content-Security-Policy: ").append(page.policy);
  answer.append("\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n");
  return sent == Body::kSent ? answer.append(page.html) : answer;
}

}  // namespace drover::http
