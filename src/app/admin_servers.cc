// A server that is replaced goes on for a while: the request that moved it, POST /reload, came over it.
#include "app/admin_servers.h"

#include <algorithm>
#include <utility>

#include "app/listening.h"
#include "base/log.h"

namespace drover::app {

namespace {

constexpr Milliseconds kLookEvery{100};

admin::Access guarded(const config::Admin& settings) {
  return {.surface = admin::Surface::kAdmin,
          .hosts = settings.hosts,
          .tokens = {.all = settings.token, .load = settings.load_token}};
}

admin::Access open_to_all() {
  admin::Access access;
  access.surface = admin::Surface::kProbes;
  return access;
}

}  // namespace

AdminServers::~AdminServers() {
  loop_.wheel().disarm(*this);
}

bool AdminServers::holds_port(std::uint16_t port) const {
  const auto has_it = [port](const std::unique_ptr<admin::Server>& server) {
    if (server == nullptr) return false;
    const auto ports = server->ports();
    return std::ranges::find(ports, port) != ports.end();
  };
  return port != 0 && (has_it(admin_) || has_it(probes_));
}

Result<std::unique_ptr<admin::Server>> AdminServers::serve(const std::optional<config::Endpoint>& bind,
                                                           std::string_view key, std::string_view event,
                                                           const admin::Access& access, Plan& plan) {
  if (!bind) return nullptr;
  const auto addresses =
      listening_addresses(*bind, key, holds_port(bind->port) ? Sharing::kShared : Sharing::kExclusive);
  if (!addresses) return std::unexpected(addresses.error());
  auto server = std::make_unique<admin::Server>(loop_, source_, access);
  for (const auto& address : *addresses) {
    const auto bound = server->listen(address);
    if (!bound) return std::unexpected(bound.error());
    plan.listening.push_back({event, bound->text()});
  }
  return server;
}

Result<AdminServers::Plan> AdminServers::plan(const config::Config& config) {
  Plan plan{.admin = config.admin, .probes = config.probes, .new_admin = {}, .new_probes = {}, .listening = {}};
  if (!probes_settings_ || probes_settings_->bind != config.probes.bind) {
    auto made = serve(config.probes.bind, "probes.bind", "probes_listening", open_to_all(), plan);
    if (!made) return std::unexpected(made.error());
    plan.new_probes = *std::move(made);
  }
  if (!admin_settings_ || admin_settings_->bind != config.admin.bind) {
    auto made = serve(config.admin.bind, "admin.bind", "admin_listening", guarded(config.admin), plan);
    if (!made) return std::unexpected(made.error());
    plan.new_admin = *std::move(made);
  }
  return plan;
}

void AdminServers::adopt(Plan plan) {
  for (const auto& [event, address] : plan.listening) log::info(event, {{"address", address}});
  // Also for those that go: a token that is not good any more is good nowhere.
  if (admin_) admin_->set_access(guarded(plan.admin));
  for (auto& one : leaving_) {
    if (one.is_admin) one.server->set_access(guarded(plan.admin));
  }
  if (plan.new_probes) replace(probes_, *std::move(plan.new_probes));
  if (plan.new_admin) replace(admin_, *std::move(plan.new_admin));
  admin_settings_ = std::move(plan.admin);
  probes_settings_ = std::move(plan.probes);
}

void AdminServers::replace(std::unique_ptr<admin::Server>& server, std::unique_ptr<admin::Server> next) {
  std::swap(server, next);
  if (next == nullptr) return;
  next->stop_listening();
  leaving_.push_back({std::move(next), &server == &admin_, loop_.now() + kFarewell});
  if (!armed()) loop_.arm(*this, loop_.now() + kLookEvery);
}

void AdminServers::on_deadline() noexcept {
  std::erase_if(leaving_, [this](const Leaving& one) { return one.server->idle() || loop_.now() >= one.until; });
  if (!leaving_.empty()) loop_.arm(*this, loop_.now() + kLookEvery);
}

void AdminServers::stop() {
  loop_.wheel().disarm(*this);
  admin_.reset();
  probes_.reset();
  leaving_.clear();
}

}  // namespace drover::app
