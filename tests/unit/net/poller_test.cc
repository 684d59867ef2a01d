#include "net/poller.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <functional>

namespace drover::net {

namespace {

// An eventfd: readable once it has been signalled, and always writable.
class Event {
 public:
  ~Event() { ::close(fd_); }
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  int fd() const { return fd_; }
  void signal() const { REQUIRE(::eventfd_write(fd_, 1) == 0); }

 private:
  const int fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
};

class Listener final : public Poller::Source {
 public:
  explicit Listener(Poller& poller) : poller_(poller) {}
  ~Listener() { poller_.forget(*this); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int heard = 0;
  std::uint32_t last = 0;
  std::function<void()> then;
  using Source::fd;
  using Source::watched;

 private:
  void on_ready(std::uint32_t events) noexcept override {
    ++heard;
    last = events;
    if (then) then();
  }
  Poller& poller_;
};

// Two sources that the same turn will find ready.
struct TwoReady {
  TwoReady() {
    REQUIRE(poller.watch(first, one.fd(), EPOLLIN));
    REQUIRE(poller.watch(second, other.fd(), EPOLLIN));
    one.signal();
    other.signal();
  }
  const Event nested, one, other;
  Poller poller{nested.fd()};
  Listener first{poller}, second{poller};
};

Poller::Woken turn(Poller& poller) {
  return poller.wait(0, [] {});
}

}  // namespace

TEST_CASE("a source hears of what it waits for, as long as it lasts") {
  const Event nested;
  const Event event;
  Poller poller(nested.fd());
  Listener listener(poller);
  REQUIRE(poller.watch(listener, event.fd(), EPOLLIN));
  turn(poller);
  CHECK(listener.heard == 0);
  event.signal();
  turn(poller);
  turn(poller);
  CHECK(listener.heard == 2);  // level-triggered, and nobody has read
  CHECK(listener.last == EPOLLIN);
  poller.change(listener, EPOLLOUT);
  turn(poller);
  CHECK(listener.last == EPOLLOUT);
}

TEST_CASE("a parked source hears nothing, and again once it is changed back") {
  const Event nested;
  const Event event;
  Poller poller(nested.fd());
  Listener listener(poller);
  REQUIRE(poller.watch(listener, event.fd(), EPOLLIN));
  event.signal();
  poller.change(listener, Poller::kParked);
  turn(poller);
  CHECK(listener.heard == 0);
  poller.change(listener, EPOLLIN);
  turn(poller);
  CHECK(listener.heard == 1);
}

TEST_CASE("what a turn has seen of a source that was forgotten meanwhile is not told") {
  TwoReady two;
  two.first.then = [&] { two.poller.forget(two.second); };
  two.second.then = [&] { two.poller.forget(two.first); };
  turn(two.poller);
  CHECK(two.first.heard + two.second.heard == 1);  // whichever came first
}

TEST_CASE("a source that was forgotten and watches another descriptor in the same turn does not hear of the old one") {
  TwoReady two;
  const Event fresh;
  const auto move = [&](Listener& listener) {
    two.poller.forget(listener);
    REQUIRE(two.poller.watch(listener, fresh.fd(), EPOLLIN));
  };
  two.first.then = [&] { move(two.second); };
  two.second.then = [&] { move(two.first); };
  turn(two.poller);
  CHECK(two.first.heard + two.second.heard == 1);
}

TEST_CASE("the nested descriptor ends a wait, and is told apart from sockets") {
  const Event nested;
  const Event event;
  Poller poller(nested.fd());
  Listener listener(poller);
  REQUIRE(poller.watch(listener, event.fd(), EPOLLIN));
  event.signal();
  CHECK(turn(poller) == Poller::Woken::kBySockets);
  nested.signal();
  CHECK(poller.wait(-1, [] {}) == Poller::Woken::kByNested);
  CHECK(listener.heard == 2);
}

TEST_CASE("the time is told between the wait and the first source") {
  const Event nested;
  const Event event;
  Poller poller(nested.fd());
  Listener listener(poller);
  REQUIRE(poller.watch(listener, event.fd(), EPOLLIN));
  event.signal();
  int heard_before = -1;
  poller.wait(0, [&] { heard_before = listener.heard; });
  CHECK(heard_before == 0);
  CHECK(listener.heard == 1);
}

TEST_CASE("what the kernel does not watch is an error with its reason, and nothing is watched") {
  const Event nested;
  Poller poller(nested.fd());
  Listener listener(poller);
  const auto refused = poller.watch(listener, -1, EPOLLIN);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kOwnResources);
  CHECK(refused.error().detail == "epoll_ctl: Bad file descriptor");
  CHECK(listener.fd() == -1);
  CHECK(listener.watched() == 0);
  poller.change(listener, EPOLLIN);  // harmless
}

}  // namespace drover::net
