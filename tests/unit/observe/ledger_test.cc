// Counters of pools: one object a name and worker, for good, and sums over the workers.
#include "observe/ledger.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace drover::observe {

namespace {

std::uint64_t pings_in(const PoolCounters& counters) {
  return counters.in.pings.read();
}

std::vector<std::string> names_of(const Ledger& ledger) {
  std::vector<std::string> names;
  ledger.for_each([&](std::string_view name, const PoolLedger&) { names.emplace_back(name); });
  return names;
}

}  // namespace

TEST_CASE("ledger: a pool's counters stay where they are, whatever is made later") {
  Ledger ledger(2);
  auto& chat = ledger.of_pool("chat");
  chat.of_worker(1).in.pings.add(3);
  for (int i = 0; i < 100; ++i) ledger.of_pool("pool-" + std::to_string(i));
  CHECK(&ledger.of_pool("chat") == &chat);
  CHECK(ledger.of_pool("chat").of_worker(1).in.pings.read() == 3);
  CHECK(ledger.of_pool("other").sum(pings_in) == 0);
}

TEST_CASE("ledger: a sum is over all workers") {
  Ledger ledger(3);
  auto& chat = ledger.of_pool("chat");
  for (unsigned worker = 0; worker < 3; ++worker) chat.of_worker(worker).in.pings.add(worker + 1);
  CHECK(chat.sum(pings_in) == 6);
}

TEST_CASE("ledger: all are visited by name, that of no pool first and without one") {
  Ledger ledger(1);
  CHECK(names_of(ledger) == std::vector<std::string>{""});
  ledger.of_pool("b");
  ledger.of_pool("a");
  ledger.no_pool().of_worker(0).in.pings.add(7);
  CHECK(names_of(ledger) == std::vector<std::string>{"", "a", "b"});
  ledger.for_each(
      [](std::string_view name, const PoolLedger& one) { CHECK(one.sum(pings_in) == (name.empty() ? 7 : 0)); });
}

TEST_CASE("ledger: what one worker writes shares no cache line with another's") {
  PoolLedger ledger(2);
  const auto* first = reinterpret_cast<const char*>(&ledger.of_worker(0));
  const auto* second = reinterpret_cast<const char*>(&ledger.of_worker(1));
  CHECK((second - first) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
}

}  // namespace drover::observe
