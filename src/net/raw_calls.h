// The three system calls of a message without the cancellation points of the C library: in a program with threads each
// of those is two locked instructions, and nobody here cancels a thread.
#pragma once

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <span>

#include "base/bytes.h"

namespace drover::net {

// recv(2) without flags.
inline ssize_t raw_receive(int fd, MutableBytes room) {
  return ::syscall(SYS_recvfrom, fd, room.data(), room.size(), 0, nullptr, nullptr);
}

// send(2).
inline ssize_t raw_send(int fd, Bytes bytes, int flags) {
  return ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), flags, nullptr, 0);
}

// epoll_wait(2), which not every architecture has.
inline int raw_epoll_wait(int epoll, std::span<epoll_event> room, int timeout) {
  return static_cast<int>(
      ::syscall(SYS_epoll_pwait, epoll, room.data(), static_cast<int>(room.size()), timeout, nullptr, 0));
}

}  // namespace drover::net
