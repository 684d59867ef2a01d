// epoll(7). libuv's own descriptor stands in the set with a null pointer for a source.
#include "net/poller.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "net/raw_calls.h"

namespace drover::net {

Poller::Poller(int nested) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (epoll_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, nested, &event) != 0) std::abort();
}

Poller::~Poller() {
  ::close(epoll_);
}

Result<void> Poller::watch(Source& source, int fd, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = &source}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail(Code::kOwnResources, Side::kDrover, std::string("epoll_ctl: ") + std::strerror(errno));
  }
  source.fd_ = fd;
  source.events_ = events;
  return {};
}

void Poller::change(Source& source, std::uint32_t events) {
  if (source.fd_ < 0 || source.events_ == events) return;
  source.events_ = events;
  epoll_event event{.events = events, .data = {.ptr = &source}};
  // It fails only for a descriptor that is not in the set, which would be a fault of ours.
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, source.fd_, &event) != 0) std::abort();
}

void Poller::forget(Source& source) {
  source.fd_ = -1;
  source.events_ = 0;
  for (epoll_event& event : ready_) {
    if (event.data.ptr == &source) event.events = 0;
  }
}

std::size_t Poller::collect(int timeout) {
  const int count = raw_epoll_wait(epoll_, events_, timeout);
  return count < 0 ? 0 : static_cast<std::size_t>(count);  // EINTR: a turn with nothing in it
}

Poller::Woken Poller::dispatch() {
  Woken woken = Woken::kBySockets;
  while (!ready_.empty()) {
    const epoll_event event = ready_.front();
    ready_ = ready_.subspan(1);
    if (event.data.ptr == nullptr) {
      woken = Woken::kByNested;
    } else if (event.events != 0) {
      static_cast<Source*>(event.data.ptr)->on_ready(event.events);
    }
  }
  return woken;
}

}  // namespace drover::net
