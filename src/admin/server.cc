// The server's connections in the order of their accept, and the rule that keeps their number bounded.
#include "admin/server.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace drover::admin {

struct Server::Connections {
  Connections(Source source, Access access, const Timeouts& limits)
      : endpoints(std::move(source), std::move(access)), timeouts(limits) {}

  void cut_oldest_beyond_limit() {
    const auto is_open = [](const auto& connection) { return !connection->closing(); };
    if (std::ranges::count_if(open, is_open) < static_cast<std::ptrdiff_t>(kMaxConnections)) return;
    (*std::ranges::find_if(open, is_open))->close();
  }
  void cut_all() {
    for (const auto& connection : open) connection->close();
  }

  Endpoints endpoints;
  const Timeouts timeouts;
  std::vector<std::shared_ptr<Connection>> open;  // those that are closing included
};

Server::Server(net::Loop& loop, Source source, Access access, const Timeouts& timeouts)
    : loop_(loop), connections_(std::make_shared<Connections>(std::move(source), std::move(access), timeouts)) {}

Server::~Server() {
  stop();
}

Result<net::Address> Server::listen(const net::Address& address) {
  const auto accept = [this](int fd, const net::Address& peer) {
    connections_->cut_oldest_beyond_limit();
    // Each holds the set that it is in; what is closing when the server goes is freed by the last of them.
    const auto forget = [set = connections_](Connection& closed) {
      std::erase_if(set->open, [&closed](const auto& one) { return one.get() == &closed; });
    };
    auto& connections = connections_->open;
    connections.push_back(std::make_shared<Connection>(loop_, connections_->endpoints, connections_->timeouts, forget));
    connections.back()->open(fd, peer);
  };
  const auto exhausted = [](int error_number) { log::warn("admin_accept_failed", {{"errno", error_number}}); };
  auto acceptor = std::make_unique<net::Acceptor>(
      loop_,
      net::Acceptor::Callbacks{.may_accept = [] { return true; }, .on_accept = accept, .on_exhausted = exhausted});
  if (auto listening = acceptor->listen(address); !listening) return std::unexpected(listening.error());
  acceptors_.push_back(std::move(acceptor));
  return acceptors_.back()->address();
}

std::vector<std::uint16_t> Server::ports() const {
  std::vector<std::uint16_t> all;
  all.reserve(acceptors_.size());
  for (const auto& acceptor : acceptors_) all.push_back(acceptor->address().port());
  return all;
}

void Server::set_access(Access access) {
  connections_->endpoints.set_access(std::move(access));
}

void Server::stop_listening() {
  for (const auto& acceptor : acceptors_) acceptor->stop();
  acceptors_.clear();
}

bool Server::idle() const {
  return connections_->open.empty();
}

void Server::stop() {
  acceptors_.clear();
  connections_->cut_all();
}

}  // namespace drover::admin
