// The sockets of a loop: one epoll instance, level-triggered, to which libuv's own descriptor belongs. A libuv handle
// is 248 bytes a socket and does the same system calls; a Source is 16, and an event is one virtual call. One thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/error.h"

namespace drover::net {

class Poller {
 public:
  // Whoever waits for a socket. It may be destroyed once its descriptor has been forgotten.
  class Source {
   public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

   protected:
    ~Source() = default;
    int fd() const { return fd_; }  // -1: none is watched
    std::uint32_t watched() const { return events_; }

   private:
    friend class Poller;
    // `events` of epoll_ctl(2): some of those that are watched, and EPOLLERR and EPOLLHUP, which nobody can leave out.
    // Anything may be done in it, forgetting this and other sources included.
    virtual void on_ready(std::uint32_t events) noexcept = 0;
    int fd_ = -1;
    std::uint32_t events_ = 0;
  };

  // Nothing but the edges of EPOLLERR and EPOLLHUP: what is watched so neither spins nor has to be added again.
  static constexpr std::uint32_t kParked = EPOLLET;

  // Aborts where the kernel gives no epoll instance. `nested`, a descriptor, makes wait() return when it is readable.
  explicit Poller(int nested);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // From now on `source` hears of `events` of `fd`, which stays the caller's. Error: kOwnResources.
  Result<void> watch(Source& source, int fd, std::uint32_t events);
  // Other events of the same descriptor. No system call where nothing changes.
  void change(Source& source, std::uint32_t events);
  // Before its descriptor is closed, which takes it out of the kernel's set: no event of it comes any more, not even
  // one that this turn has seen already.
  void forget(Source& source);

  enum class Woken : std::uint8_t { kBySockets, kByNested };
  // Waits up to `timeout` milliseconds (-1: for ever), calls `before_events`, then the sources. Says whether the nested
  // descriptor is readable.
  template <class BeforeEvents>
  Woken wait(int timeout, BeforeEvents before_events) {
    ready_ = std::span(events_).first(collect(timeout));
    before_events();
    return dispatch();
  }

 private:
  std::size_t collect(int timeout);
  Woken dispatch();

  const int epoll_;
  std::array<epoll_event, 1024> events_;
  std::span<epoll_event> ready_;  // those of this turn that have not been handed out yet
};

}  // namespace drover::net
