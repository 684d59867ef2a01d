// Beats are due at equal distances, come in order, are made up for when they are late, and stop when told.
#include "bench/load/metronome.h"

#include <doctest/doctest.h>

#include <vector>

#include "bench/load/message_shape.h"

namespace drover::bench {

namespace {

using Patience = net::Loop::Patience;

constexpr std::uint64_t kInterval = 10'000'000;  // nanoseconds, at 100 a second

}  // namespace

TEST_CASE("beats are numbered, evenly due, and never early") {
  net::Loop loop;
  std::vector<std::uint64_t> due;
  Metronome metronome(loop, 100, [&](const Metronome::Beat& beat) {
    CHECK(beat.number == due.size());
    CHECK(beat.due <= nanoseconds_now());
    due.push_back(beat.due);
  });
  REQUIRE(metronome.start());
  CHECK(due.size() >= 1);
  while (due.size() < 4) loop.turn(Patience::kUntilSomething);
  for (std::size_t i = 1; i < due.size(); ++i) CHECK(due[i] - due[i - 1] == kInterval);
}

TEST_CASE("late beats are all made up for") {
  net::Loop loop;
  std::uint64_t beats = 0;
  Metronome metronome(loop, 100, [&](const Metronome::Beat&) { ++beats; });
  REQUIRE(metronome.start());
  const auto began = nanoseconds_now();
  while (nanoseconds_now() < began + 5 * kInterval) continue;  // a turn that takes long
  loop.turn(Patience::kUntilSomething);
  CHECK(beats >= 6);
}

TEST_CASE("it stops in the middle of late beats") {
  net::Loop loop;
  int beats = 0;
  Metronome* stopped = nullptr;
  Metronome metronome(loop, 1e6, [&](const Metronome::Beat&) {
    if (++beats == 3) stopped->stop();
  });
  stopped = &metronome;
  REQUIRE(metronome.start());
  while (beats < 3) loop.turn(Patience::kUntilSomething);
  const auto now = nanoseconds_now();
  while (nanoseconds_now() < now + kInterval) loop.turn(Patience::kNone);
  CHECK(beats == 3);
}

TEST_CASE("it stops while a beat is due that it has not heard of") {
  net::Loop loop;
  int beats = 0;
  Metronome metronome(loop, 100, [&](const Metronome::Beat&) { ++beats; });
  REQUIRE(metronome.start());
  const auto began = nanoseconds_now();
  while (nanoseconds_now() < began + 2 * kInterval) continue;
  const int heard = beats;
  metronome.stop();
  loop.turn(Patience::kNone);
  CHECK(beats == heard);
}

}  // namespace drover::bench
