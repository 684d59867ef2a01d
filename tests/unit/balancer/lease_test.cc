// Leases: counted while they live, never more than a backend takes, whoever races.
#include "balancer/lease.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "backends.h"

namespace drover::balancer {

TEST_CASE("a lease counts as long as it lives") {
  const auto backend = make_backend("web-1");
  CHECK(backend->active() == 0);
  {
    const auto first = Lease::take(backend);
    REQUIRE(first);
    CHECK(first.backend().name() == "web-1");
    const auto second = Lease::take(backend);
    CHECK(backend->active() == 2);
  }
  CHECK(backend->active() == 0);
}

TEST_CASE("giving back is once, however often it is said") {
  const auto backend = make_backend("web-1");
  const auto other = Lease::take(backend);
  auto lease = Lease::take(backend);
  lease.give_back();
  lease.give_back();
  CHECK(!lease);
  CHECK(backend->active() == 1);
}

TEST_CASE("moving passes the claim on, and gives back what stood there") {
  const auto first = make_backend("web-1");
  const auto second = make_backend("web-2");
  auto lease = Lease::take(first);
  Lease moved(std::move(lease));
  CHECK(!lease);
  CHECK(first->active() == 1);
  moved = Lease::take(second);
  CHECK(first->active() == 0);
  CHECK(second->active() == 1);
  auto& same = moved;
  moved = std::move(same);
  CHECK(second->active() == 1);
  moved = Lease();
  CHECK(second->active() == 0);
}

TEST_CASE("a full backend gives an empty lease and keeps its count") {
  const auto backend = make_backend("web-1", 1, 2);
  const auto first = Lease::take(backend);
  auto second = Lease::take(backend);
  CHECK(backend->full());
  const auto third = Lease::take(backend);
  CHECK(!third);
  CHECK(backend->active() == 2);
  second.give_back();
  CHECK(!backend->full());
  CHECK(Lease::take(backend));
}

TEST_CASE("a lease keeps its backend alive") {
  auto backend = make_backend("web-1");
  const std::weak_ptr<Backend> watch = backend;
  auto lease = Lease::take(std::move(backend));
  CHECK(!watch.expired());
  CHECK(lease.backend().name() == "web-1");
  lease.give_back();
  CHECK(watch.expired());
}

TEST_CASE("racing threads never hold more than the backend takes, and lose none") {
  constexpr std::uint32_t kMost = 3;
  const auto backend = make_backend("web-1", 1, kMost);
  std::atomic<std::uint32_t> held{0};
  std::atomic<std::uint32_t> most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5000; ++round) {
        auto lease = Lease::take(backend);
        if (!lease) continue;
        const auto now = held.fetch_add(1) + 1;
        for (auto seen = most.load(); now > seen && !most.compare_exchange_weak(seen, now);) continue;
        held.fetch_sub(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(most <= kMost);
  CHECK(most >= 1);
  CHECK(backend->active() == 0);
}

}  // namespace drover::balancer
