// A request that is no upgrade gets a sentence and a lingering close.
#include "app/demo_connection.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include "http/answer.h"

namespace drover::app {

namespace {

constexpr std::uint64_t kMaxMessage = 64ULL * 1024 * 1024;
constexpr std::size_t kMaxQueued = 1024 * 1024;  // reading stops above it, and goes on at half of it
constexpr Milliseconds kHeadTimeout{10'000};
constexpr Milliseconds kCloseTimeout{5'000};

// {"name":"demo-1","path":"/ws?room=7","headers":{"Host":"…"}}; lines of one name are one list, RFC 9110 section 5.3.
// The key of handoffs is not the client's to know.
std::string describe(std::string_view name, const http::RequestHead& head) {
  using Json = nlohmann::ordered_json;
  auto headers = Json::object();
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto [header, value] = head.at(i);
    const auto shown = http::same_name(header, DemoHandoff::kHeader) ? value.substr(0, value.find(';')) : value;
    const auto same = [&header](const auto& entry) { return http::same_name(entry.first, header); };
    auto& members = headers.get_ref<Json::object_t&>();
    if (const auto entry = std::ranges::find_if(members, same); entry != members.end()) {
      entry->second.get_ref<Json::string_t&>().append(", ").append(shown);
    } else {
      headers[std::string(header)] = shown;
    }
  }
  const Json answer = {{"name", name}, {"path", head.target()}, {"headers", std::move(headers)}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string switching(const websocket::UpgradeRequest& request, const DemoHandoff& handoff) {
  std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  answer.append("Sec-WebSocket-Accept: ").append(websocket::accept_of(request.key)).append("\r\n");
  if (!request.subprotocols.empty()) {
    answer.append("Sec-WebSocket-Protocol: ").append(request.subprotocols.front()).append("\r\n");
  }
  if (handoff.takes_part()) {
    answer.append(DemoHandoff::kHeader).append(": ").append(DemoHandoff::kVersion).append("\r\n");
  }
  return answer.append("\r\n");
}

std::string greeting(std::string_view name) {
  const std::string body = std::string(name) + " echoes what it is told over a WebSocket.\n";
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

bool may_visit_demo(const http::RequestHead& request) {
  const auto origin = request.find("Origin");
  if (!origin) return true;  // no browser
  const std::string_view host = request.host();
  const auto name = host.substr(0, host.find(':', host.starts_with('[') ? host.find(']') : 0));
  constexpr std::array<std::string_view, 3> kLoopback{"127.0.0.1", "localhost", "[::1]"};
  return std::ranges::find(kLoopback, name) != kLoopback.end() && *origin == "http://" + std::string(host);
}

DemoConnection::DemoConnection(net::Loop& loop, std::string_view name, DemoRoom& room,
                               std::function<void(DemoConnection&)> on_closed)
    : loop_(loop),
      name_(name),
      room_(room),
      on_closed_(std::move(on_closed)),
      stream_(loop),
      parser_(http::HeadLimits{}) {
  stream_.set_handler(*this);
}

void DemoConnection::open(int fd) {
  if (!stream_.open(fd)) return;  // on_closed() follows
  loop_.arm(*this, loop_.now() + kHeadTimeout);
  stream_.start_reading();
}

void DemoConnection::on_read(net::ByteStream& /*stream*/, Bytes bytes) noexcept {
  switch (phase_) {
    case Phase::kHandshake: return handshake(bytes);
    case Phase::kTalking:
    case Phase::kSilent: return receive(bytes);
    case Phase::kEnding: return;  // thrown away: unread input would turn our FIN into a reset
  }
}

void DemoConnection::handshake(Bytes bytes) {
  const auto fed = parser_.feed(bytes);
  if (!fed) {
    send(http::answer_to(fed.error()));
    return end();
  }
  if (!fed->complete) return;
  answer(parser_.head());
  if (phase_ != Phase::kEnding && fed->consumed < bytes.size()) receive(bytes.subspan(fed->consumed));
}

void DemoConnection::answer(const http::RequestHead& head) {
  const auto request = websocket::check_request(head);
  if (!request || !*request) {
    send(request ? greeting(name_) : http::answer_to(request.error()));
    return end();
  }
  if (head.path() == kDemoPath && !may_visit_demo(head)) {
    send(http::answer_to({Code::kForbidden, Side::kClient, "only the demo's own page may connect here"}));
    return end();
  }
  upgrade(head, **request);
}

void DemoConnection::upgrade(const http::RequestHead& head, const websocket::UpgradeRequest& request) {
  loop_.wheel().disarm(*this);
  handoff_.emplace(head);
  endpoint_.emplace(
      [this](websocket::ServerEndpoint&, websocket::Opcode opcode, Bytes payload) { hear(opcode, payload); },
      kMaxMessage);
  const auto say = [this](websocket::Opcode opcode, Bytes payload) { tell(opcode, payload); };
  conversation_ =
      head.path() == kDemoPath ? make_demo_visit(say, name_, room_) : make_demo_echo(say, describe(name_, head));
  send(switching(request, *handoff_));
  phase_ = handoff_->expects_enter() ? Phase::kSilent : Phase::kTalking;
  if (phase_ == Phase::kTalking) conversation_->begin();
}

void DemoConnection::receive(Bytes bytes) {
  receiving_ = true;
  const bool goes_on = endpoint_->receive(bytes);
  receiving_ = false;
  send(endpoint_->take_output());
  if (!goes_on) return end();
  if (stream_.queued() > kMaxQueued) stream_.pause(net::PauseReason::kPeerSlow);
}

void DemoConnection::hear(websocket::Opcode opcode, Bytes payload) {
  if (opcode == websocket::Opcode::kText) {
    if (const auto order = handoff_->read(as_text(payload))) return obey(*order);
  }
  if (phase_ == Phase::kTalking) conversation_->hear(opcode, payload);
}

void DemoConnection::obey(const HandoffOrder& order) {
  if (order.verb == HandoffOrder::Verb::kEnter && phase_ == Phase::kSilent) {
    phase_ = Phase::kTalking;
    conversation_->enter(order);
  } else if (order.verb == HandoffOrder::Verb::kLeave && phase_ == Phase::kTalking) {
    tell(websocket::Opcode::kText, as_bytes(handoff_->left(conversation_->leave())));
    phase_ = Phase::kSilent;
  }
}

void DemoConnection::tell(websocket::Opcode opcode, Bytes payload) {
  if (phase_ != Phase::kTalking) return;
  endpoint_->send(opcode, payload);
  if (receiving_) return;
  send(endpoint_->take_output());
  if (stream_.queued() > kMaxQueued) close();
}

void DemoConnection::send(std::string_view bytes) {
  stream_.write(as_bytes(bytes));
  if (stream_.write_failed()) close();
}

// What is queued, our FIN, and the peer's within kCloseTimeout.
void DemoConnection::end() {
  phase_ = Phase::kEnding;
  conversation_.reset();
  stream_.finish_writing();
  stream_.resume(net::PauseReason::kPeerSlow);
  loop_.arm(*this, loop_.now() + kCloseTimeout);
  if (peer_ended_ && stream_.queued() == 0) close();
}

void DemoConnection::on_read_end(net::ByteStream& /*stream*/, net::ReadEnd end_of_stream) noexcept {
  if (end_of_stream == net::ReadEnd::kReset) return close();
  peer_ended_ = true;
  end();
}

void DemoConnection::on_written(net::ByteStream& /*stream*/) noexcept {
  if (stream_.write_failed()) return close();
  if (stream_.queued() <= kMaxQueued / 2) stream_.resume(net::PauseReason::kPeerSlow);
  if (peer_ended_ && stream_.queued() == 0) close();
}

void DemoConnection::on_closed(net::ByteStream& /*stream*/) noexcept {
  loop_.wheel().disarm(*this);
  const auto on_closed = std::move(on_closed_);  // outlives the connection that it may destroy
  on_closed(*this);
}

}  // namespace drover::app
