// What the kernel knows of a connection without reading or writing it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace drover::net {

struct Link {
  bool lost = false;               // reset, or given up by TCP (or both FINs are sent); else seen only by reading
  std::size_t unread = 0;          // bytes that have arrived and wait to be read
  bool unsent = false;             // the kernel holds bytes back, since the peer's window or the path is full
  std::uint64_t acknowledged = 0;  // bytes that it has acknowledged since the connection began
};

// Of a connected TCP socket. Two system calls: for timers, not for the data path.
Link link_of(int fd);
// Its `unread` alone, for one system call.
std::size_t unread_of(int fd);

}  // namespace drover::net
