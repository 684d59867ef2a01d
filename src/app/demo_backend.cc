// A port that somebody else has taken meanwhile is tried again.
#include "app/demo_backend.h"

#include <utility>

namespace drover::app {

namespace {

constexpr Milliseconds kNextTry{1'000};

}  // namespace

DemoBackend::DemoBackend(net::Loop& loop, std::string name, DemoRoom& room, std::function<void()> on_empty)
    : loop_(loop),
      name_(std::move(name)),
      room_(room),
      on_empty_(std::move(on_empty)),
      address_(*net::Address::from_literal("127.0.0.1", 0)) {}

DemoBackend::~DemoBackend() {
  loop_.wheel().disarm(*this);
}

Result<void> DemoBackend::listen() {
  auto acceptor = std::make_unique<net::Acceptor>(
      loop_, net::Acceptor::Callbacks{.may_accept = [] { return true; },
                                      .on_accept = [this](int fd, const net::Address& /*peer*/) { accept(fd); },
                                      .on_exhausted = [](int) {}});
  if (auto listening = acceptor->listen(address_); !listening) return listening;
  address_ = acceptor->address();
  acceptor_ = std::move(acceptor);
  return {};
}

void DemoBackend::accept(int fd) {
  const auto forget = [this](DemoConnection& closed) {
    std::erase_if(connections_, [&closed](const auto& one) { return one.get() == &closed; });
    if (connections_.empty() && !listens()) on_empty_();
  };
  connections_.push_back(std::make_unique<DemoConnection>(loop_, name_, room_, forget));
  connections_.back()->open(fd);
}

void DemoBackend::close_all() {
  acceptor_.reset();
  for (const auto& connection : connections_) connection->close();
}

void DemoBackend::kill(Milliseconds absence) {
  if (!listens()) return;
  close_all();
  loop_.arm(*this, loop_.now() + absence);
}

void DemoBackend::stop() {
  loop_.wheel().disarm(*this);
  close_all();
}

void DemoBackend::on_deadline() noexcept {
  if (!listen()) loop_.arm(*this, loop_.now() + kNextTry);
}

}  // namespace drover::app
