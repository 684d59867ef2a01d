// A backend connection that its session has left: its Close has been written, and what it still says is read to the end
// and dropped, since closing over it would be a reset. One thread.
#pragma once

#include <functional>
#include <utility>

#include "net/timer_wheel.h"
#include "net/transport.h"

namespace drover::proxy {

class Parting final : net::ByteStream::Handler, net::TimerWheel::Node {
 public:
  // `on_closed` is called once it is; the parting may be destroyed then.
  Parting(net::Loop& loop, net::Transport& transport, std::function<void()> on_closed)
      : loop_(loop), transport_(transport), on_closed_(std::move(on_closed)) {}
  ~Parting() { loop_.wheel().disarm(*this); }
  Parting(const Parting&) = delete;
  Parting& operator=(const Parting&) = delete;

  // `ended`: it has been read to its end already. Else that is waited for until `deadline`.
  void start(bool ended, MonotonicTime deadline) {
    net::ByteStream& stream = transport_.stream();
    stream.set_handler(*this);
    if (ended) return close();
    for (const auto reason : {net::PauseReason::kPeerSlow, net::PauseReason::kHeld}) stream.resume(reason);
    loop_.arm(*this, deadline);
  }
  void close() { transport_.stream().close(); }

 private:
  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream&, Bytes) noexcept override {}
  void on_read_end(net::ByteStream&, net::ReadEnd) noexcept override { close(); }
  void on_written(net::ByteStream&) noexcept override {}
  void on_closed(net::ByteStream&) noexcept override {
    const auto on_closed = std::move(on_closed_);  // outlives the parting, which it may destroy
    on_closed();
  }
  void on_deadline() noexcept override { close(); }

  net::Loop& loop_;
  net::Transport& transport_;
  std::function<void()> on_closed_;
};

}  // namespace drover::proxy
