// One connection to a demo backend: its request, then a DemoConversation over a WebSocket. Output that the client does
// not take stops the reading, so memory is bounded by the largest message; who does not read what others say is cut.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/demo_conversation.h"
#include "app/demo_handoff.h"
#include "app/demo_room.h"
#include "http/head_parser.h"
#include "net/loop.h"
#include "net/tcp_stream.h"
#include "websocket/handshake.h"
#include "websocket/server_endpoint.h"

namespace drover::app {

class DemoConnection final : net::ByteStream::Handler, net::TimerWheel::Node {
 public:
  // `name`: of the backend; it, the loop and the room outlive the connection. `on_closed` comes last and may destroy
  // the connection.
  DemoConnection(net::Loop& loop, std::string_view name, DemoRoom& room,
                 std::function<void(DemoConnection&)> on_closed);

  // Takes a connected socket.
  void open(int fd);
  // At once, without a Close.
  void close() { stream_.close(); }

 private:
  enum class Phase : std::uint8_t {
    kHandshake,
    kTalking,
    kSilent,  // with another backend's client, whose kEnter has yet to come; or after a kLeave
    kEnding,
  };

  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream& stream) noexcept override;
  void on_closed(net::ByteStream& stream) noexcept override;
  void on_deadline() noexcept override { close(); }
  void handshake(Bytes bytes);
  void answer(const http::RequestHead& head);
  void upgrade(const http::RequestHead& head, const websocket::UpgradeRequest& request);
  void receive(Bytes bytes);
  void hear(websocket::Opcode opcode, Bytes payload);
  void obey(const HandoffOrder& order);
  void tell(websocket::Opcode opcode, Bytes payload);
  void send(std::string_view bytes);
  void end();

  net::Loop& loop_;
  const std::string_view name_;
  DemoRoom& room_;
  std::function<void(DemoConnection&)> on_closed_;
  net::TcpStream stream_;
  http::RequestParser parser_;
  std::optional<websocket::ServerEndpoint> endpoint_;
  std::optional<DemoHandoff> handoff_;
  std::unique_ptr<DemoConversation> conversation_;
  Phase phase_ = Phase::kHandshake;
  bool receiving_ = false;  // what is told meanwhile goes out with the rest
  bool peer_ended_ = false;
};

// Whether a request may have what kDemoPath offers: a browser's only from the page of the host that it asks, and that
// host only by a name of this machine's loopback. No other site's page can press the buttons, whatever name it came by.
bool may_visit_demo(const http::RequestHead& request);

}  // namespace drover::app
