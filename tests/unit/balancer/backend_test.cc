// A backend's capacity, counts and totals.
#include "balancer/backend.h"

#include <doctest/doctest.h>

#include "backends.h"

namespace drover::balancer {

TEST_CASE("backend: the effective weight, in thousandths") {
  const auto backend = make_backend("a", 3);
  CHECK(backend->effective_weight(kNow) == 3000);
  backend->set_weight_percent(50);
  CHECK(backend->effective_weight(kNow) == 1500);
  backend->begin_slow_start(kNow, Milliseconds(1000));
  CHECK(backend->effective_weight(kNow) == 75);                       // 3000 · 0.5 · 0.05
  CHECK(backend->effective_weight(kNow + Milliseconds(500)) == 788);  // 3000 · 0.5 · 0.525 = 787.5
  CHECK(backend->effective_weight(kNow + Milliseconds(1000)) == 1500);
  CHECK(backend->weight() == 3);
  backend->set_weight(1000);
  backend->set_weight_percent(100);
  CHECK(backend->effective_weight(kNow + Milliseconds(1000)) == 1'000'000);
}

TEST_CASE("backend: the effective weight is at least 1, but at 0 % there is none") {
  const auto backend = make_backend("a", 1);
  backend->begin_slow_start(kNow, Milliseconds(1000));
  backend->set_weight_percent(1);
  CHECK(backend->effective_weight(kNow) == 1);  // 1000 · 0.01 · 0.05 = 0.5
  backend->set_weight_percent(0);
  CHECK(backend->effective_weight(kNow) == 0);
  CHECK(!backend->open());
}

TEST_CASE("backend: max_connections may change while sessions are held") {
  const auto backend = make_backend("a", 1, 3);
  auto leases = hold(backend, 3);
  CHECK(backend->full());
  backend->set_max_connections(5);
  CHECK(!backend->full());
  backend->set_max_connections(2);
  CHECK(backend->full());
  CHECK(backend->active() == 3);  // those that are there stay
  leases.pop_back();
  CHECK(!Lease::take(backend));
  leases.pop_back();
  CHECK(!backend->full());
  CHECK(Lease::take(backend));
  backend->set_max_connections(0);
  CHECK(hold(backend, 100).back());
}

TEST_CASE("backend: traffic totals are of all workers") {
  config::BackendSpec spec;
  spec.name = "a";
  Backend backend("pool", spec, 2);
  backend.traffic(0).messages_in.add(1);
  backend.traffic(1).messages_in.add(2);
  backend.traffic(0).messages_out.add(10);
  backend.traffic(1).messages_out.add(20);
  backend.traffic(0).bytes_in.add(100);
  backend.traffic(1).bytes_in.add(200);
  backend.traffic(0).bytes_out.add(1000);
  backend.traffic(1).bytes_out.add(2000);
  const auto totals = backend.traffic_totals();
  CHECK(totals.messages_in == 3);
  CHECK(totals.messages_out == 30);
  CHECK(totals.bytes_in == 300);
  CHECK(totals.bytes_out == 3000);
}

TEST_CASE("backend: a report's values count, those that look like percent do not") {
  const auto backend = make_backend("a");
  LoadReport report;
  report.cpu = 0.3;
  report.ignored = 1;
  report.look_like_percent = {"memory_usage=45"};
  backend->take_report(report, kNow);
  CHECK(backend->load().cpu.last()->value == 0.3);
  CHECK(!backend->load().memory.last());
  CHECK(backend->load().ignored == 1);
}

TEST_CASE("backend: failures in a row end with a success, those in all do not") {
  const auto backend = make_backend("a");
  CHECK(backend->note_failure() == 1);
  CHECK(backend->note_failure() == 2);
  backend->note_success();
  CHECK(backend->note_failure() == 1);
  backend->forget_failures();
  CHECK(backend->note_failure() == 1);
  CHECK(backend->failures() == 4);
  CHECK(backend->sessions() == 0);
  backend->note_session();
  CHECK(backend->sessions() == 1);
}

TEST_CASE("backend: refusals are neither sessions nor failures") {
  const auto backend = make_backend("a");
  backend->note_refusal();
  backend->note_refusal();
  CHECK(backend->refusals() == 2);
  CHECK(backend->sessions() == 0);
  CHECK(backend->failures() == 0);
}

TEST_CASE("backend: as new it is checking, ready, and neither ejected nor leaving") {
  const auto backend = make_backend("a", 2, 9);
  CHECK(backend->probe() == ProbeState::kChecking);
  CHECK(!backend->ejected());
  CHECK(backend->operator_state() == OperatorState::kReady);
  CHECK(!backend->leaving());
  CHECK(backend->weight_percent() == 100);
  CHECK(backend->max_connections() == 9);
  CHECK(backend->ramp(kNow) == 1.0);
  CHECK(backend->open());
}

}  // namespace drover::balancer
