// One TCP connection of `drover ctl`: its calls wait, together until one deadline at most.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/address.h"

namespace drover::app {

// Errors of all its calls: kConnectTimeout at the deadline, kConnectFailed with what the system says.
class CtlConnection {
 public:
  // To the first of `addresses`, one at least, that answers; the error is that of the last.
  static Result<CtlConnection> open(std::span<const net::Address> addresses, MonotonicTime deadline);
  ~CtlConnection();
  CtlConnection(CtlConnection&& other) noexcept : fd_(std::exchange(other.fd_, -1)), deadline_(other.deadline_) {}
  CtlConnection& operator=(CtlConnection&&) = delete;
  CtlConnection(const CtlConnection&) = delete;
  CtlConnection& operator=(const CtlConnection&) = delete;

  // All of it.
  Result<void> write(std::string_view text);
  // How many bytes it read; 0 at the peer's end.
  Result<std::size_t> read(MutableBytes space);

 private:
  static Result<CtlConnection> open_one(const net::Address& address, MonotonicTime deadline);
  CtlConnection(int fd, MonotonicTime deadline) : fd_(fd), deadline_(deadline) {}
  // Until the descriptor has one of `events` (poll.h).
  Result<void> wait_for(short events) const;

  int fd_;
  MonotonicTime deadline_;
};

}  // namespace drover::app
