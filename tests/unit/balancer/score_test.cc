// The health score: every term and rule of its formula, the numbers worked out by hand.
#include "balancer/score.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "backends.h"

namespace drover::balancer {

namespace {

enum Term : std::size_t { kConnections, kCpu, kMemory, kLatency, kMessageRate };

using Made = std::vector<std::shared_ptr<Backend>>;

constexpr MonotonicTime kOld = kNow - Milliseconds(30'001);  // by a millisecond more than the default of stale_after

doctest::Approx near(double value) {
  return doctest::Approx(value).epsilon(1e-9);
}

std::vector<Score> scores(const Made& backends, const config::Score& settings = {}) {
  Scoring scoring(settings, kNow);
  for (const auto& backend : backends) scoring.add(*backend);
  std::vector<Score> found;
  for (const auto& backend : backends) found.push_back(scoring.of(*backend));
  return found;
}

// That term of all backends, alone and with the weight 1.
std::vector<double> term(const Made& backends, Term which, config::Score settings = {}) {
  settings.connections = which == kConnections ? 1 : 0;
  settings.cpu = which == kCpu ? 1 : 0;
  settings.memory = which == kMemory ? 1 : 0;
  settings.latency = which == kLatency ? 1 : 0;
  settings.message_rate = which == kMessageRate ? 1 : 0;
  std::vector<double> found;
  for (const auto& score : scores(backends, settings)) found.push_back(score.parts[which].value_or(-1));
  return found;
}

void add_latency(Backend& backend, int ms, MonotonicTime at = kNow) {
  backend.load().latency.add(Milliseconds(ms), at);
}

}  // namespace

TEST_CASE("score: connections are measured by max_connections where all have it, whatever they weigh") {
  const Made backends = {make_backend("a", 1, 10), make_backend("b", 7, 100), make_backend("c", 1, 2)};
  const auto a = hold(backends[0], 4);
  const auto b = hold(backends[1], 4);
  const auto c = hold(backends[2], 2);
  const auto found = term(backends, kConnections);
  CHECK(found[0] == near(0.5));   // (4 + 1) / 10
  CHECK(found[1] == near(0.05));  // (4 + 1) / 100
  CHECK(found[2] == near(1.0));   // (2 + 1) / 2, clamped
}

TEST_CASE("score: one backend without max_connections, and connections are measured by weight") {
  const Made backends = {make_backend("a", 1, 10), make_backend("b", 2), make_backend("c", 4, 1000)};
  const auto a = hold(backends[0], 4);
  const auto c = hold(backends[2], 9);
  const auto found = term(backends, kConnections);
  CHECK(found[0] == near(1.0));  // (4 + 1) / 1 = 5, the largest
  CHECK(found[1] == near(0.1));  // (0 + 1) / 2 = 0.5, over 5
  CHECK(found[2] == near(0.5));  // (9 + 1) / 4 = 2.5, over 5
}

TEST_CASE("score: slow start makes places fewer") {
  const Made backends = {make_backend("a", 1, 10), make_backend("b", 1, 10), make_backend("c", 1, 10)};
  backends[0]->begin_slow_start(kNow - Milliseconds(500), Milliseconds(1000));
  backends[1]->begin_slow_start(kNow, Milliseconds(1000));
  const auto a = hold(backends[0], 3);
  const auto c = hold(backends[2], 3);
  const auto found = term(backends, kConnections);
  CHECK(found[0] == near(4 / 5.25));  // ramp 0.05 + 0.95 · 0.5 = 0.525; (3 + 1) / (10 · 0.525)
  CHECK(found[1] == near(1.0));       // (0 + 1) / (10 · 0.05) = 2, clamped
  CHECK(found[2] == near(0.4));       // (3 + 1) / 10
}

TEST_CASE("score: slow start and the agent's percentage make weights smaller") {
  const Made backends = {make_backend("a", 2), make_backend("b", 1), make_backend("c", 4)};
  backends[0]->begin_slow_start(kNow - Milliseconds(500), Milliseconds(1000));
  backends[2]->set_weight_percent(25);
  const auto b = hold(backends[1], 3);
  const auto c = hold(backends[2], 1);
  const auto found = term(backends, kConnections);
  CHECK(found[0] == near(1 / 1.05 / 4));  // (0 + 1) / (2 · 0.525), over 4
  CHECK(found[1] == near(1.0));           // (3 + 1) / 1 = 4, the largest
  CHECK(found[2] == near(0.5));           // (1 + 1) / (4 · 0.25) = 2, over 4
}

TEST_CASE("score: cpu and memory are as reported, clamped to 0 … 1") {
  const Made backends = weighing({1, 1, 1});
  const double told[] = {0.4, 1.7, -0.2};
  for (std::size_t i = 0; i < 3; ++i) {
    backends[i]->load().cpu.set(told[i], kNow);
    backends[i]->load().memory.set(1 - told[i], kNow);
  }
  CHECK(term(backends, kCpu) == std::vector{0.4, 1.0, 0.0});
  CHECK(term(backends, kMemory) == std::vector{0.6, 0.0, 1.0});
}

TEST_CASE("score: latency is the round trip over its reference, 1 at most") {
  const Made backends = weighing({1, 1});
  add_latency(*backends[0], 50);
  add_latency(*backends[1], 150);
  CHECK(term(backends, kLatency) == std::vector{0.5, 1.0});  // 50 / 100; 150 / 100, clamped
  config::Score settings;
  settings.latency_reference = Milliseconds(200);
  CHECK(term(backends, kLatency, settings) == std::vector{0.25, 0.75});  // 50 / 200, 150 / 200
}

TEST_CASE("score: latency is the EWMA, not the last sample") {
  const Made backends = weighing({1});
  add_latency(*backends[0], 50);
  add_latency(*backends[0], 100);
  CHECK(term(backends, kLatency)[0] == near(0.6));  // 50 + 0.2 · (100 − 50) = 60, over 100
}

TEST_CASE("score: message_rate is over the largest, as reported, else Drover's own") {
  const Made backends = weighing({1, 1, 1, 1});
  backends[0]->load().message_rate.set(100, kNow);
  backends[0]->load().own_message_rate.set(900, kNow);
  backends[1]->load().own_message_rate.set(400, kNow);
  backends[2]->load().message_rate.set(900, kOld);
  backends[2]->load().own_message_rate.set(300, kNow);
  const auto found = term(backends, kMessageRate);
  CHECK(found[0] == near(0.25));     // 100 as reported, over 400
  CHECK(found[1] == near(1.0));      // 400, the largest
  CHECK(found[2] == near(0.75));     // what it reported is stale; 300 over 400
  CHECK(found[3] == near(2.0 / 3));  // the mean of 100, 400 and 300, over 400: (800 / 3) / 400
}

TEST_CASE("score: where nobody carries a message, the rate is 0") {
  const Made backends = weighing({1, 1});
  backends[0]->load().own_message_rate.set(0, kNow);
  CHECK(term(backends, kMessageRate) == std::vector{0.0, 0.0});
}

TEST_CASE("score: the whole formula") {
  const Made backends = {make_backend("a", 1, 10), make_backend("b", 1, 20)};
  const auto a = hold(backends[0], 4);
  const auto b = hold(backends[1], 1);
  backends[0]->load().cpu.set(0.4, kNow);
  backends[0]->load().memory.set(0.6, kNow);
  add_latency(*backends[0], 50);
  backends[1]->load().cpu.set(0.9, kNow);
  backends[1]->load().memory.set(0.2, kNow);
  add_latency(*backends[1], 20);
  const auto found = scores(backends);
  CHECK(found[0].total == near(0.5));    // 0.3 · 5/10 + 0.25 · 0.4 + 0.25 · 0.6 + 0.2 · 0.5
  CHECK(found[1].total == near(0.345));  // 0.3 · 2/20 + 0.25 · 0.9 + 0.25 · 0.2 + 0.2 · 0.2
  CHECK(found[1].parts[kConnections].value() == near(0.03));
  CHECK(found[1].parts[kCpu].value() == near(0.225));
  CHECK(found[1].parts[kMemory].value() == near(0.05));
  CHECK(found[1].parts[kLatency].value() == near(0.04));
  CHECK(!found[1].parts[kMessageRate]);  // its weight is 0
}

TEST_CASE("score: who has not told is taken for the mean of the others' clamped terms") {
  const Made backends = weighing({1, 1, 1});
  backends[0]->load().cpu.set(0.2, kNow);
  backends[1]->load().cpu.set(0.6, kNow);
  backends[0]->load().memory.set(0.9, kNow);
  add_latency(*backends[0], 900);
  add_latency(*backends[1], 50);
  CHECK(term(backends, kCpu)[2] == near(0.4));       // (0.2 + 0.6) / 2
  CHECK(term(backends, kMemory)[1] == near(0.9));    // of one
  CHECK(term(backends, kLatency)[2] == near(0.75));  // (1 + 0.5) / 2, not (9 + 0.5) / 2
}

TEST_CASE("score: stale is as if never told, and of no weight in the mean") {
  const Made backends = weighing({1, 1, 1});
  backends[0]->load().cpu.set(0.2, kNow - Milliseconds(30'000));  // just not stale
  backends[1]->load().cpu.set(0.6, kNow);
  backends[2]->load().cpu.set(1.0, kOld);
  add_latency(*backends[0], 10, kOld);
  add_latency(*backends[1], 30);
  CHECK(term(backends, kCpu)[0] == near(0.2));
  CHECK(term(backends, kCpu)[2] == near(0.4));  // (0.2 + 0.6) / 2
  CHECK(term(backends, kLatency)[0] == near(0.3));
  config::Score never;
  never.stale_after = Milliseconds(0);
  CHECK(term(backends, kCpu, never)[2] == near(1.0));
  CHECK(term(backends, kLatency, never)[0] == near(0.1));
}

TEST_CASE("score: a term that nobody has is left out, and the other weights grow") {
  const Made backends = {make_backend("a", 1, 10)};
  backends[0]->load().cpu.set(0.4, kNow);
  backends[0]->load().memory.set(0.6, kNow);
  const auto score = scores(backends)[0];
  // Without latency 0.8 of the weights are left: each grows by 1 / 0.8 = 1.25.
  CHECK(score.parts[kConnections].value() == near(0.0375));  // 0.3 · 1.25 · 0.1
  CHECK(score.parts[kCpu].value() == near(0.125));           // 0.25 · 1.25 · 0.4
  CHECK(score.parts[kMemory].value() == near(0.1875));       // 0.25 · 1.25 · 0.6
  CHECK(!score.parts[kLatency]);
  CHECK(score.total == near(0.35));
}

TEST_CASE("score: where only connections are known they are all of it") {
  const Made backends = {make_backend("a", 1, 10)};
  const auto score = scores(backends)[0];
  CHECK(score.total == near(0.1));
  CHECK(score.parts[kConnections].value() == near(0.1));
}

TEST_CASE("score: weights need not add up to 1") {
  const Made backends = {make_backend("a", 1, 10)};
  config::Score settings;
  settings.connections = 2;
  settings.cpu = 4;
  settings.memory = 0;
  settings.latency = 0;
  CHECK(scores(backends, settings)[0].total == near(0.6));  // cpu is missing: (2 + 4) / 2 · 2 · 0.1
  backends[0]->load().cpu.set(0.5, kNow);
  CHECK(scores(backends, settings)[0].total == near(2.2));  // 2 · 0.1 + 4 · 0.5
}

TEST_CASE("score: a weight of 0 takes its term out, known or not") {
  const Made backends = {make_backend("a", 1, 10)};
  backends[0]->load().cpu.set(0.9, kNow);
  backends[0]->load().memory.set(0.5, kNow);
  config::Score settings;
  settings.cpu = 0;
  settings.latency = 0;
  const auto score = scores(backends, settings)[0];
  CHECK(!score.parts[kCpu]);
  CHECK(score.total == near(0.155));  // 0.3 · 0.1 + 0.25 · 0.5
}

TEST_CASE("score: where nobody has what counts, all are equal") {
  const Made backends = weighing({1, 1});
  const auto a = hold(backends[0], 9);
  for (const auto& score : [&] {
         config::Score settings{.connections = 0, .cpu = 1, .memory = 1, .latency = 0, .message_rate = 0};
         return scores(backends, settings);
       }()) {
    CHECK(score.total == 0);
    for (const auto& part : score.parts) CHECK(!part);
  }
}

TEST_CASE("score: parts add up to the total, which is at most the sum of the weights") {
  std::mt19937 random(3);
  const auto chance = [&random] { return std::uniform_real_distribution<double>(0, 1)(random); };
  for (int round = 0; round < 300; ++round) {
    const Made backends = weighing({1, 5, 30});
    std::vector<std::vector<Lease>> leases;
    for (const auto& backend : backends) {
      leases.push_back(hold(backend, static_cast<int>(random() % 20)));
      if (chance() < 0.5) backend->load().cpu.set(chance() * 2, kNow);
      if (chance() < 0.5) backend->load().memory.set(chance() * 2, kNow);
      if (chance() < 0.5) add_latency(*backend, static_cast<int>(random() % 300));
      if (chance() < 0.5) backend->load().message_rate.set(chance() * 1000, kNow);
    }
    const config::Score settings{
        .connections = chance(), .cpu = chance(), .memory = chance(), .latency = chance(), .message_rate = chance()};
    const double all = settings.connections + settings.cpu + settings.memory + settings.latency + settings.message_rate;
    for (const auto& score : scores(backends, settings)) {
      double sum = 0;
      for (const auto& part : score.parts) sum += part.value_or(0);
      REQUIRE(score.total == near(sum));
      REQUIRE(score.total >= 0);
      REQUIRE(score.total <= all + 1e-9);
    }
  }
}

}  // namespace drover::balancer
