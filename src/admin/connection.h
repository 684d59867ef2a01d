// One connection of the admin server: a head and its body in time, the answer, and a lingering close. Everything that
// comes behind the request is read and thrown away, since unread input would turn our FIN into a reset that takes the
// answer with it.
#pragma once

#include <functional>
#include <memory>
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
  Milliseconds request{5'000};    // from the accept to the end of the body
  Milliseconds workers{2'000};    // from there to the answer, where workers have to be asked
  Milliseconds delivery{10'000};  // from there until the kernel has all of the answer
  Milliseconds linger{2'000};     // from there to the end of the connection
};

// Shared, since an answer that comes late must find out whether anybody waits for it still.
class Connection final : net::ByteStream::Handler,
                         net::TimerWheel::Node,
                         public std::enable_shared_from_this<Connection> {
 public:
  // `on_closed` comes last, from the loop, and may let go of the connection. `endpoints` outlives it.
  Connection(net::Loop& loop, Endpoints& endpoints, const Timeouts& timeouts,
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
    kAsking,     // the answer has not come yet
    kAnswering,  // the answer is on its way, or waits for the peer's FIN behind it
    kClosing,
  };

  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream& stream) noexcept override;
  void on_closed(net::ByteStream& stream) noexcept override;
  void on_deadline() noexcept override;
  void take_body(Bytes bytes);
  void ask();
  void answer(const std::string& response);
  void close_if_delivered();

  net::Loop& loop_;
  Endpoints& endpoints_;
  const Timeouts timeouts_;
  std::function<void(Connection&)> on_closed_;
  net::TcpStream stream_;
  net::Address peer_;
  http::RequestParser parser_;
  std::string body_;
  std::size_t body_size_ = 0;  // of the whole body
  Phase phase_ = Phase::kHead;
  bool peer_finished_ = false;  // it has ended its side, and waits for the answer alone
};

}  // namespace drover::admin
