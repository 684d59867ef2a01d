// What may fail is in plan(), the rest is posted to the workers, each of which does it in the order of posting.
#include "app/listeners.h"

#include <algorithm>
#include <utility>

#include "app/listening.h"
#include "base/log.h"

namespace drover::app {

namespace {

bool same_address(const net::Address& one, const net::Address& other) {
  return one.text() == other.text();
}

bool same_settings(const std::optional<net::TlsServerContext::Settings>& one,
                   const std::optional<net::TlsServerContext::Settings>& other) {
  if (!one || !other) return !one && !other;
  return one->is_same_as(*other);
}

}  // namespace

Listeners::~Listeners() {
  loop_.wheel().disarm(*this);
}

std::vector<net::Address> Listeners::addresses() const {
  std::vector<net::Address> all;
  all.reserve(open_.size());
  for (const auto& listener : open_) all.push_back(listener.bound);
  return all;
}

Result<Listeners::Plan> Listeners::plan(const config::Config& config, const TlsMaterial& tls) {
  Plan plan;
  for (std::size_t index = 0; index < config.listeners.size(); ++index) {
    const auto& listener = config.listeners[index];
    // What a socket of ours holds, no other process can have taken, unless it shares it.
    const bool is_ours = listener.bind.port != 0 && holds_port(listener.bind.port);
    const auto sharing = listener.shared || is_ours ? Sharing::kShared : Sharing::kExclusive;
    const auto addresses = listening_addresses(listener.bind, "a listener's 'bind'", sharing);
    if (!addresses) return std::unexpected(addresses.error());
    for (const auto& address : *addresses) {
      auto planned = plan_one(listener.bind.text, address, {listener.health_path, tls.listeners[index]}, plan);
      if (!planned) return std::unexpected(planned.error());
    }
  }
  return plan;
}

bool Listeners::holds_port(std::uint16_t port) const {
  const auto has_it = [port](const Open& one) { return one.bound.port() == port; };
  return std::ranges::any_of(open_, has_it) || std::ranges::any_of(leaving_, has_it, &Leaving::listener);
}

bool Listeners::is_wanted(proxy::ListenerNumber number) const {
  return std::ranges::find(open_, number, &Open::number) != open_.end();
}

// A socket on the same address is taken whatever text it came by: beside a second one it would go on to get
// connections.
const Listeners::Open* Listeners::find(const std::string& bind, const net::Address& wanted, const Plan& plan) const {
  const auto is_free = [&plan](const Open& one) {
    return std::ranges::none_of(plan.steps_, [&](const auto& step) { return step.listener.number == one.number; });
  };
  const auto is_known = [&](const Open& one) {
    return is_free(one) && one.bind == bind && same_address(one.wanted, wanted);
  };
  const auto is_there = [&](const Open& one) { return is_free(one) && same_address(one.bound, wanted); };
  if (const auto found = std::ranges::find_if(open_, is_known); found != open_.end()) return &*found;
  if (const auto found = std::ranges::find_if(open_, is_there); found != open_.end()) return &*found;
  const auto found = std::ranges::find_if(leaving_, is_there, &Leaving::listener);
  return found == leaving_.end() ? nullptr : &found->listener;
}

Result<Listeners::PerWorker> Listeners::contexts(const Settings& settings, std::uint16_t port) const {
  PerWorker all;
  all.reserve(workers_.count());
  for (unsigned worker = 0; worker < workers_.count(); ++worker) {
    auto listener = std::make_shared<proxy::Listener>();
    listener->port = port;
    listener->health_path = settings.health_path;
    listener->page = page_;
    if (settings.tls) {
      auto made = net::TlsServerContext::make(*settings.tls);
      if (!made) return std::unexpected(made.error());
      listener->tls = *std::move(made);
    }
    all.push_back(std::move(listener));
  }
  return all;
}

Result<void> Listeners::plan_one(const std::string& bind, const net::Address& wanted, Settings settings, Plan& plan) {
  Plan::Step step;
  const Open* const there = find(bind, wanted, plan);
  const bool changed = there == nullptr || there->settings.health_path != settings.health_path ||
                       !same_settings(there->settings.tls, settings.tls);
  if (there != nullptr) {
    step.listener = *there;
    step.listener.bind = bind;
    step.listener.wanted = wanted;
    if (changed) step.listener.settings = std::move(settings);
  } else {
    // Never one that is in use, also where this plan is dropped.
    step.sockets.reserve(workers_.count());
    step.listener = {next_number_++, bind, wanted, wanted, std::move(settings)};
    for (unsigned worker = 0; worker < workers_.count(); ++worker) {
      auto socket = net::ListeningSocket::open(step.listener.bound);  // port 0 becomes the same port for all
      if (!socket) return std::unexpected(socket.error());
      step.listener.bound = socket->address();
      step.sockets.push_back(*std::move(socket));
    }
  }
  // One that is leaving gets its settings anew in any case: that is what calls it back.
  const bool is_open = there != nullptr && is_wanted(there->number);
  if (changed || !is_open) {
    auto made = contexts(step.listener.settings, step.listener.bound.port());
    if (!made) return std::unexpected(made.error());
    step.listeners = *std::move(made);
  }
  plan.steps_.push_back(std::move(step));
  return {};
}

void Listeners::adopt(Plan plan) {
  std::vector<Open> next;
  for (auto& step : plan.steps_) {
    const auto number = step.listener.number;
    if (!step.sockets.empty()) {
      log::info("listening",
                {{"address", step.listener.bound.text()}, {"tls", step.listener.settings.tls ? "yes" : "no"}});
    }
    for (unsigned worker = 0; worker < step.listeners.size(); ++worker) {
      auto& one = workers_.worker(worker);
      if (step.sockets.empty()) {
        one.change(number, std::move(step.listeners[worker]));
      } else {
        one.open(number, std::move(step.sockets[worker]), std::move(step.listeners[worker]));
      }
    }
    std::erase_if(leaving_, [number](const auto& one) { return one.listener.number == number; });
    next.push_back(std::move(step.listener));
  }
  std::swap(open_, next);
  for (auto& before : next) {
    if (!is_wanted(before.number)) begin_leaving(std::move(before));
  }
}

void Listeners::begin_leaving(Open listener) {
  leaving_.push_back({std::move(listener), Stage::kServing, loop_.now() + kFarewell});
  if (!armed()) loop_.arm(*this, leaving_.back().until);
}

void Listeners::on_deadline() noexcept {
  const auto now = loop_.now();
  std::erase_if(leaving_, [&](Leaving& one) {
    if (now < one.until) return false;
    const auto number = one.listener.number;
    const bool is_over = one.stage == Stage::kRefusing;
    for (unsigned worker = 0; worker < workers_.count(); ++worker) {
      if (is_over)
        workers_.worker(worker).close(number);
      else
        workers_.worker(worker).refuse_newcomers(number);
    }
    if (is_over) log::info("listener_closed", {{"address", one.listener.bound.text()}});
    one.stage = Stage::kRefusing;
    one.until = now + kFarewell;
    return is_over;
  });
  if (leaving_.empty()) return;
  loop_.arm(*this, std::ranges::min(leaving_, {}, &Leaving::until).until);
}

}  // namespace drover::app
