// setsockopt(2); failures are harmless and ignored: the defaults work too.
#include "net/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace drover::net {

namespace {

constexpr int kNotSentLowWater = 128 * 1024;  // bytes; below it small writes would go through the queue on loopback
constexpr int kKeepaliveIdle = 60;            // seconds
constexpr int kKeepaliveInterval = 15;        // seconds
constexpr int kKeepaliveCount = 4;

void set(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof(value));
}

}  // namespace

void set_stream_options(int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kNotSentLowWater);
}

// The intervals first: each of them would move a timer that runs.
void set_keepalive(int fd) {
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdle);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveInterval);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveCount);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace drover::net
