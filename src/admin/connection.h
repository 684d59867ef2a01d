// One connection of the admin server: a head and its body in time, the answer, and a lingering close. Everything that
// comes behind the request is read and thrown away, since unread input would turn our FIN into a reset that takes the
// answer with it.
#pragma once

#include <functional>
#include <string>

#include "admin/endpoints.h"
#include "base/clock.h"
#include "http/head_parser.h"
#include "net/address.h"
#include "net/byte_stream.h"
#include "net/loop.h"
#include "net/tcp_stream.h"

namespace drover::admin {

struct Timeouts {
  Milliseconds request{5'000};  // from the accept to the end of the body
  Milliseconds linger{2'000};   // from the answer to the end of the connection
};

class Connection final : net::ByteStream::Handler, net::TimerWheel::Node {
 public:
  // `on_closed` comes last, from the loop, and may destroy the connection. `endpoints` outlives it.
  Connection(net::Loop& loop, const Endpoints& endpoints, const Timeouts& timeouts,
             std::function<void(Connection&)> on_closed);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Takes a connected socket; on_closed follows in any case.
  void open(int fd, const net::Address& peer);
  void close();
  bool closing() const { return phase_ == Phase::kClosing; }

 private:
  enum class Phase : std::uint8_t {
    kHead,       // it is being read
    kBody,       // it is being read
    kAnswering,  // the answer is on its way, or waits for the peer's FIN behind it
    kFinishing,  // the peer has ended its side; closed once the answer is out
    kClosing,
  };

  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream& stream) noexcept override;
  void on_closed(net::ByteStream& stream) noexcept override;
  void on_deadline() noexcept override;
  void take_body(Bytes bytes);
  void answer(const std::string& response);
  void close_if_done();

  net::Loop& loop_;
  const Endpoints& endpoints_;
  const Timeouts timeouts_;
  std::function<void(Connection&)> on_closed_;
  net::TcpStream stream_;
  net::Address peer_;
  http::RequestParser parser_;
  std::string body_;
  std::size_t body_size_ = 0;  // of the whole body
  Phase phase_ = Phase::kHead;
};

}  // namespace drover::admin
