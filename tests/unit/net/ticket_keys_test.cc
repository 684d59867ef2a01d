// Times are made up: nothing in TicketKeys looks at a clock.
#include "net/ticket_keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace drover::net {

namespace {

using namespace std::chrono_literals;

constexpr MonotonicTime kStart{Milliseconds(1'000'000)};

bool same(const TicketKeys::Key& one, const TicketKeys::Key& other) {
  return one.name == other.name && one.cipher == other.cipher && one.mac == other.mac;
}

}  // namespace

TEST_CASE("a ticket key seals for an hour") {
  TicketKeys keys;
  const auto first = keys.current(kStart);
  CHECK(same(keys.current(kStart + 1h - 1ms), first));
  const auto second = keys.current(kStart + 1h);
  CHECK(first.name != second.name);
  CHECK(first.cipher != second.cipher);
  CHECK(first.mac != second.mac);
  CHECK(same(keys.current(kStart + 2h - 1ms), second));
}

TEST_CASE("a ticket key opens for two hours more, so a ticket of its last moment has its whole life") {
  TicketKeys keys;
  const auto first = keys.current(kStart);
  const auto at = [&](MonotonicTime now) { return keys.find(first.name, now); };
  REQUIRE(at(kStart + 1h - 1ms));
  CHECK(at(kStart + 1h - 1ms)->age == TicketKeys::Age::kCurrent);
  CHECK(same(at(kStart)->key, first));
  // Old by time alone: nobody has asked for the next one.
  REQUIRE(at(kStart + 1h));
  CHECK(at(kStart + 1h)->age == TicketKeys::Age::kOld);
  // Old since there is a newer one, whatever the time.
  const auto second = keys.current(kStart + 90min);
  REQUIRE(at(kStart + 90min));
  CHECK(at(kStart + 90min)->age == TicketKeys::Age::kOld);
  REQUIRE(at(kStart + 3h - 1ms));
  CHECK(same(at(kStart + 3h - 1ms)->key, first));
  CHECK(!at(kStart + 3h));
  CHECK(!at(kStart));  // and it does not come back
  CHECK(same(keys.find(second.name, kStart + 3h)->key, second));
}

TEST_CASE("there are three ticket keys at most, and each opens as long as it should") {
  TicketKeys keys;
  std::vector<TicketKeys::Key> all;
  for (int hour = 0; hour < 10; ++hour) {
    const auto now = kStart + std::chrono::hours(hour);
    all.push_back(keys.current(now));
    const auto opens = [&](const TicketKeys::Key& key) { return keys.find(key.name, now).has_value(); };
    CHECK(std::ranges::count_if(all, opens) == std::min(hour + 1, 3));
    for (int age = 0; age < std::min(hour + 1, 3); ++age)
      CHECK(opens(all[all.size() - 1 - static_cast<unsigned>(age)]));
  }
}

TEST_CASE("after a long silence there is one new ticket key, and no old one") {
  TicketKeys keys;
  const auto first = keys.current(kStart);
  const auto later = kStart + 100h;
  const auto next = keys.current(later);
  CHECK(!same(first, next));
  CHECK(!keys.find(first.name, later));
  CHECK(keys.find(next.name, later)->age == TicketKeys::Age::kCurrent);
}

TEST_CASE("a ticket of nobody's opens with nothing") {
  TicketKeys keys;
  CHECK(!keys.find(TicketKeys::Key{}.name, kStart));
  const auto key = keys.current(kStart);
  auto other = key.name;
  other.back() ^= 1;
  CHECK(!keys.find(other, kStart));
  CHECK(!keys.find(Bytes(key.name).first(15), kStart));
  CHECK(!keys.find({}, kStart));
}

TEST_CASE("threads share ticket keys") {
  TicketKeys keys;
  std::atomic<int> torn = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int step = 0; step < 2'000; ++step) {
        const auto now = kStart + std::chrono::minutes(step);
        const auto key = keys.current(now);
        const auto found = keys.find(key.name, now);  // none where the others are far ahead
        if (found && !same(found->key, key)) ++torn;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(torn == 0);
}

}  // namespace drover::net
