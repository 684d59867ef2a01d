// A connection a request: an admin port is asked a handful of times.
#include "app/ctl_client.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "app/ctl_answers.h"
#include "app/ctl_connection.h"
#include "app/ctl_figures.h"
#include "base/bytes.h"
#include "config/values.h"
#include "http/head_parser.h"
#include "net/address.h"

namespace drover::app {

namespace {

constexpr unsigned kUnauthorized = 401;

std::unexpected<Error> broken(const std::string& place, const std::string& what) {
  return fail(Code::kBadGateway, Side::kDrover, place + " " + what + "; is it Drover's admin port?");
}

// An answer as it comes in.
class Reading {
 public:
  // Whether it is whole. Error: kBadGateway.
  Result<bool> take(Bytes bytes) {
    received_ += bytes.size();
    if (received_ > CtlClient::kMostBytes) {
      return fail(Code::kBadGateway, Side::kDrover, "sends more than " + bytes_text(CtlClient::kMostBytes));
    }
    if (!head_) {
      const auto fed = parser_.feed(bytes);
      if (!fed) return no_http(fed.error());
      if (!fed->complete) return false;
      head_ = true;
      bytes = bytes.subspan(fed->consumed);
      if (parser_.body_is_empty()) return true;
    }
    const auto fed = parser_.feed_body(bytes, body_);
    return fed ? Result<bool>(fed->complete) : no_http(fed.error());
  }
  // The peer has ended the connection. Whether the answer is whole.
  bool finish() { return head_ && parser_.finish(); }
  // Of a whole one.
  CtlClient::Answer answer() && { return {parser_.head().status(), std::move(body_)}; }

 private:
  static std::unexpected<Error> no_http(const Error& error) {
    return fail(Code::kBadGateway, Side::kDrover, "does not speak HTTP (" + error.detail + ")");
  }

  http::ResponseParser parser_{http::HeadLimits()};
  std::string body_;
  std::size_t received_ = 0;
  bool head_ = false;
};

}  // namespace

CtlClient::CtlClient(AdminPort port, Milliseconds timeout)
    : port_(std::move(port)), timeout_(timeout), deadline_(monotonic_now() + timeout) {}

Result<CtlClient::Answer> CtlClient::ask(std::string_view method, std::string_view target,
                                         std::string_view body) const {
  std::string request;
  request.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(place());
  request.append("\r\nAccept: application/json\r\nConnection: close\r\n");
  if (!port_.token.empty()) request.append("Authorization: Bearer ").append(port_.token).append("\r\n");
  if (!body.empty()) request.append("Content-Type: application/json\r\n");
  if (method != "GET") request.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  request.append("\r\n").append(body);
  auto answer = exchange(request);
  if (answer) {
    if (is_json(answer->body)) return answer;
    return broken(place(), "answers " + std::to_string(answer->status) + " with something that is not JSON");
  }
  const Error& error = answer.error();
  switch (error.code) {
    case Code::kBadGateway: return broken(place(), error.detail);
    case Code::kConnectTimeout:
      return fail(error.code, error.side,
                  "no answer at " + place() + " within " + config::format_duration(timeout_) +
                      "; is it Drover's admin port? A longer --timeout waits longer");
    default:
      return fail(
          error.code, error.side,
          "no answer at " + place() + ": " + error.detail + "; is Drover running, and is admin.bind that address?");
  }
}

Result<CtlClient::Answer> CtlClient::exchange(const std::string& request) const {
  const auto addresses = net::Address::resolve(port_.address.host, port_.address.port);
  if (!addresses) return std::unexpected(addresses.error());
  auto connection = CtlConnection::open(*addresses, deadline_);
  if (!connection) return std::unexpected(connection.error());
  if (const auto written = connection->write(request); !written) return std::unexpected(written.error());
  std::vector<std::uint8_t> space(64 * 1024);
  Reading reading;
  while (true) {
    const auto got = connection->read(space);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) {
      if (reading.finish()) return std::move(reading).answer();
      return fail(Code::kBadGateway, Side::kDrover, "ended its answer before it was whole");
    }
    const auto whole = reading.take(std::span(space).first(*got));
    if (!whole) return std::unexpected(whole.error());
    if (*whole) return std::move(reading).answer();
  }
}

Error CtlClient::refusal(const Answer& answer) const {
  Error error{Code::kUnavailable, Side::kDrover, {}};
  if (answer.status == kUnauthorized) {
    error.detail = port_.token.empty() ? "the admin port at " + place() +
                                             " wants a token: set DROVER_ADMIN_TOKEN, or name a file with --token-file"
                                       : "the admin port at " + place() + " does not take this token (admin.token)";
    return error;
  }
  const auto sentence = error_sentence(answer.body);
  error.detail = (sentence.empty() ? "no reason given" : printable(sentence)) + " (" + std::to_string(answer.status) +
                 " from " + place() + ")";
  return error;
}

Result<std::string> CtlClient::demand(std::string_view method, std::string_view target, std::string_view body) const {
  auto answer = ask(method, target, body);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status < 200 || answer->status > 299) return std::unexpected(refusal(*answer));
  return std::move(answer->body);
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (kUnreserved.contains(c)) {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.append({'%', kHex[byte >> 4U], kHex[byte & 0xFU]});
  }
  return encoded;
}

}  // namespace drover::app
