// The same calls as the admin port's, from a page that the admin port would rightly not answer.
#include "app/demo_proxy.h"

#include <string>
#include <utility>
#include <vector>

#include "admin/source.h"
#include "balancer/backend.h"
#include "balancer/pool.h"
#include "base/log.h"

namespace drover::app {

namespace {

constexpr const char* kPeer = "the demo's page";  // for the log

DemoBackendView view_of(const balancer::Backend& backend) {
  const bool down = backend.probe() == balancer::ProbeState::kDown || backend.ejected();
  return {.name = backend.name(),
          .state = down ? "down" : std::string(balancer::name_of(backend.operator_state())),
          .sessions = backend.active()};
}

void drain(const admin::Source& source, const std::string& backend) {
  const migration::DrainRequest request{
      .pool = source.pools().front()->name(), .backend = backend, .terms = {}, .dry_run = false};
  source.drain(request, kPeer, [](const Result<migration::DrainView>&) {});  // refused at shutdown alone
}

void restore(const admin::Source& source, const std::string& name) {
  for (const auto& backend : source.pools().front()->backends()) {
    if (backend->name() != name) continue;
    source.set_operator_state(*backend, balancer::OperatorState::kReady, kPeer);
    log::info("backend_operator_state",
              {{"pool", backend->pool()}, {"backend", name}, {"state", "ready"}, {"peer", kPeer}});
  }
}

std::vector<DemoBackendView> look(const admin::Source& source) {
  std::vector<DemoBackendView> views;
  for (const auto& backend : source.pools().front()->backends()) views.push_back(view_of(*backend));
  return views;
}

}  // namespace

DemoBackends::Proxy demo_proxy(Supervisor& supervisor) {
  return {.drain =
              [&supervisor](const std::string& backend) {
                supervisor.ask([backend](const admin::Source& source) { drain(source, backend); });
              },
          .restore =
              [&supervisor](const std::string& backend) {
                supervisor.ask([backend](const admin::Source& source) { restore(source, backend); });
              },
          .look =
              [&supervisor](auto done) {
                supervisor.ask([done = std::move(done)](const admin::Source& source) { done(look(source)); });
              }};
}

}  // namespace drover::app
