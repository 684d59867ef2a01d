// A backend is up that upgrades a connection and answers a ping. Then the probe says Close and its verdict: a backend
// that is slow to close is not down. What the backend says to the Close is read as long as the probe lives.
#include <array>
#include <string>
#include <utility>

#include "base/random.h"
#include "health/connected_probe.h"
#include "health/get_request.h"
#include "health/reported_load.h"
#include "http/head_parser.h"
#include "websocket/client_endpoint.h"
#include "websocket/close_code.h"
#include "websocket/handshake.h"

namespace drover::health {

namespace {

constexpr http::HeadLimits kHeadLimits{.max_head_size = 16 * 1024};
constexpr std::size_t kMaxBeforePong = 1024 * 1024;  // bytes of frames
constexpr auto kNormalClosure = static_cast<std::uint16_t>(websocket::CloseCode::kNormal);

class WebSocketProbe final : public ConnectedProbe {
 public:
  WebSocketProbe(net::Loop& loop, config::HealthCheck settings, std::string host)
      : ConnectedProbe(loop),
        settings_(std::move(settings)),
        host_(std::move(host)),
        parser_(kHeadLimits),
        endpoint_([this](Bytes payload) { on_pong(payload); }, kMaxBeforePong) {}

 private:
  enum class Phase : std::uint8_t { kUpgrading, kPinging, kOver };

  void on_open() noexcept override;
  void on_bytes(Bytes bytes) noexcept override;
  void on_end(net::ReadEnd end) noexcept override;
  void on_answer(Bytes bytes);
  void on_frames(Bytes bytes);
  void on_pong(Bytes payload);
  Result<void> check_head();
  void ping();
  void succeed();
  void fail(const Error& error);

  const config::HealthCheck settings_;
  const std::string host_;
  std::string key_;
  http::ResponseParser parser_;
  websocket::ClientEndpoint endpoint_;
  std::array<std::uint8_t, 8> payload_{};  // of the ping
  std::size_t received_ = 0;               // bytes of frames
  std::optional<std::chrono::microseconds> round_trip_;
  Phase phase_ = Phase::kUpgrading;
};

void WebSocketProbe::on_open() noexcept {
  key_ = websocket::fresh_key();
  if (key_.empty()) return fail({Code::kOwnResources, Side::kDrover, "no random bytes for a Sec-WebSocket-Key"});
  const auto request = get_request(settings_, host_,
                                   "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                   "Sec-WebSocket-Key: " +
                                       key_ + "\r\n");
  connection().write(as_bytes(request));
}

void WebSocketProbe::on_bytes(Bytes bytes) noexcept {
  switch (phase_) {
    case Phase::kUpgrading: return on_answer(bytes);
    case Phase::kPinging: return on_frames(bytes);
    case Phase::kOver: return;  // read and thrown away: over unread bytes closing would be a reset
  }
}

void WebSocketProbe::on_answer(Bytes bytes) {
  const auto fed = parser_.feed(bytes);
  if (!fed) return fail(fed.error());
  if (!fed->complete) return;
  if (const auto checked = check_head(); !checked) return fail(checked.error());
  ping();
  if (fed->consumed < bytes.size()) on_frames(bytes.subspan(fed->consumed));
}

Result<void> WebSocketProbe::check_head() {
  const auto& head = parser_.head();
  if (head.status() != 101) {
    return std::unexpected(bad_answer("answered " + std::to_string(head.status()) + " to the upgrade of " +
                                      settings_.path + ", expected 101"));
  }
  const websocket::UpgradeRequest asked{.key = key_, .subprotocols = {}, .extensions = {}};
  if (const auto answer = websocket::check_answer(head, asked, key_); !answer) return std::unexpected(answer.error());
  return {};
}

void WebSocketProbe::ping() {
  phase_ = Phase::kPinging;
  fill_random(payload_);
  endpoint_.send(websocket::Opcode::kPing, payload_);
  restart_clock();
  connection().write(as_bytes(endpoint_.take_output()));
}

void WebSocketProbe::on_frames(Bytes bytes) {
  received_ += bytes.size();
  const bool goes_on = endpoint_.receive(bytes);
  if (round_trip_) return succeed();
  if (!goes_on) return fail(bad_answer("closed the WebSocket before the pong, or broke its rules"));
  if (received_ > kMaxBeforePong) return fail(bad_answer("sent over 1 MiB before the pong"));
  connection().write(as_bytes(endpoint_.take_output()));  // answers to pings of its own
}

// Pongs that nobody asked for are allowed, RFC 6455 section 5.5.3.
void WebSocketProbe::on_pong(Bytes payload) {
  if (!round_trip_ && as_text(payload) == as_text(payload_)) round_trip_ = elapsed();
}

void WebSocketProbe::on_end(net::ReadEnd end) noexcept {
  switch (phase_) {
    case Phase::kUpgrading: return fail(ended_before(end, "its answer was whole"));
    case Phase::kPinging: return fail(ended_before(end, "the pong"));
    case Phase::kOver: return hang_up();
  }
}

void WebSocketProbe::succeed() {
  phase_ = Phase::kOver;
  const std::array<std::uint8_t, 2> code{kNormalClosure >> 8, kNormalClosure & 0xff};
  endpoint_.send(websocket::Opcode::kClose, code);  // unless the backend's own Close has been answered already
  connection().write_last(as_bytes(endpoint_.take_output()));
  say({.verdict = {}, .round_trip = round_trip_, .report = reported_load(parser_.head())});
}

void WebSocketProbe::fail(const Error& error) {
  connection().write_last(as_bytes(endpoint_.take_output()));  // an answer to its Close, or why we go
  hang_up();
  say({.verdict = std::unexpected(error), .round_trip = {}, .report = {}});
}

}  // namespace

std::unique_ptr<Probe> make_websocket_probe(net::Loop& loop, const config::HealthCheck& settings,
                                            const std::string& host) {
  return std::make_unique<WebSocketProbe>(loop, settings, host);
}

}  // namespace drover::health
