// The listening sockets of all workers, as the supervisor has them: which there are, which a new configuration wants
// beside them, and how those that it does not want are closed without a connection being refused or reset. One thread,
// the supervisor's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/tls_material.h"
#include "app/workers.h"
#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "net/address.h"
#include "net/listening_socket.h"
#include "net/loop.h"
#include "proxy/listener.h"

namespace drover::app {

class Listeners final : private net::TimerWheel::Node {
 public:
  // How long a listener that is not wanted goes on as if it were, for those who have yet to hear of it, and how long it
  // then lets handshakes end while the kernel drops every SYN.
  static constexpr Milliseconds kFarewell{1'000};

  // Loop and workers outlive it. `page`: that of every listener, see there; may be null.
  Listeners(net::Loop& loop, Workers& workers, std::shared_ptr<const http::Page> page)
      : loop_(loop), workers_(workers), page_(std::move(page)) {}
  ~Listeners();
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  // All that may fail of a change. Where it is dropped instead of adopted, the sockets that were opened for it close.
  class Plan;
  // Of the files in `tls`, which belongs to `config`. Blocks where a bind is a name. Errors: kAddress, and those of
  // TlsServerContext::make().
  Result<Plan> plan(const config::Config& config, const TlsMaterial& tls);
  // New listeners open before others begin to close; known ones go on with their new settings. Cannot fail.
  void adopt(Plan plan);

  // Those that are wanted, in the order of the configuration.
  std::vector<net::Address> addresses() const;

 private:
  // What a listener's connections have in common, before each worker has its own of it.
  struct Settings {
    std::string health_path;
    std::optional<net::TlsServerContext::Settings> tls;
  };
  // Known by the text of its bind and the address that this meant, or by the address that it has.
  struct Open {
    proxy::ListenerNumber number = 0;
    std::string bind;
    net::Address wanted;  // with port 0 where the kernel chose one
    net::Address bound;
    Settings settings;
  };
  enum class Stage : std::uint8_t { kServing, kRefusing };  // newcomers
  struct Leaving {
    Open listener;
    Stage stage = Stage::kServing;
    MonotonicTime until;  // of the stage
  };
  using Opened = std::vector<net::ListeningSocket>;                       // by worker
  using PerWorker = std::vector<std::shared_ptr<const proxy::Listener>>;  // likewise

  void on_deadline() noexcept override;
  bool holds_port(std::uint16_t port) const;
  bool is_wanted(proxy::ListenerNumber number) const;
  const Open* find(const std::string& bind, const net::Address& wanted, const Plan& plan) const;
  Result<PerWorker> contexts(const Settings& settings, std::uint16_t port) const;
  Result<void> plan_one(const std::string& bind, const net::Address& wanted, Settings settings, Plan& plan);
  void begin_leaving(Open listener);

  net::Loop& loop_;
  Workers& workers_;
  const std::shared_ptr<const http::Page> page_;
  proxy::ListenerNumber next_number_ = 0;
  std::vector<Open> open_;
  std::vector<Leaving> leaving_;
};

class Listeners::Plan {
 public:
  // How many there will be.
  std::size_t size() const { return steps_.size(); }

 private:
  friend class Listeners;
  struct Step {
    Open listener;
    Opened sockets;       // empty: it is there already
    PerWorker listeners;  // empty: nothing changes for connections
  };
  std::vector<Step> steps_;
};

}  // namespace drover::app
