// Random bytes: all of the buffer is filled, nothing repeats, threads do not share.
#include "base/random.h"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace drover {

TEST_CASE("every byte is filled, whatever the size") {
  // 2^-64 a byte that all 8 rounds leave it as it was.
  for (std::size_t size : {1U, 16U, 255U, 256U, 257U, 1000U}) {
    std::vector<std::uint8_t> touched(size, 0);
    for (int round = 0; round < 8; ++round) {
      std::vector<std::uint8_t> bytes(size, 0);
      fill_random(bytes);
      for (std::size_t i = 0; i < size; ++i) touched[i] |= bytes[i];
    }
    for (const auto byte : touched) CHECK(byte != 0);
  }
  fill_random({});
}

TEST_CASE("ids never repeat, in threads neither") {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kIds = 2000;
  std::array<std::vector<std::string>, kThreads> ids;
  std::vector<std::thread> threads;
  for (auto& own : ids) {
    threads.emplace_back([&own] {
      for (std::size_t i = 0; i < kIds; ++i) {
        std::array<std::uint8_t, 16> id{};
        fill_random(id);
        own.push_back(to_hex(id));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& own : ids) all.insert(own.begin(), own.end());
  CHECK(all.size() == kThreads * kIds);
}

TEST_CASE("hex is lower case, two digits a byte") {
  const std::array<std::uint8_t, 4> bytes{0x00, 0x0f, 0xa0, 0xff};
  CHECK(to_hex(bytes) == "000fa0ff");
  CHECK(to_hex({}).empty());
}

TEST_CASE("hex of any length has two digits a byte, and nothing behind them") {
  for (std::size_t size = 0; size <= 64; ++size) {
    CAPTURE(size);
    CHECK(to_hex(std::vector<std::uint8_t>(size, 0xab)).size() == 2 * size);
  }
}

}  // namespace drover
