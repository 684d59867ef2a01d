// TCP_INFO and FIONREAD. A file of its own: linux/tcp.h, whose tcp_info is the whole one, and libuv's header cannot be
// included together.
#include "net/link.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace drover::net {

Link link_of(int fd) {
  constexpr std::uint8_t kClosed = 7;  // TCP_CLOSE: without a FIN of ours only a reset or a timeout leads there
  Link link;
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) {
    link.lost = info.tcpi_state == kClosed;
    link.unsent = info.tcpi_notsent_bytes > 0;
    link.acknowledged = info.tcpi_bytes_acked;
  }
  link.unread = unread_of(fd);
  return link;
}

std::size_t unread_of(int fd) {
  int unread = 0;
  return ::ioctl(fd, FIONREAD, &unread) == 0 ? static_cast<std::size_t>(unread) : 0;
}

}  // namespace drover::net
