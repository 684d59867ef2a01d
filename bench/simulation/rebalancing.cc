// The figures of the plot in docs/migration.md: sessions of each backend while an empty one beside full ones gets its
// share, as CSV. The pure part alone (migration/rebalancer.h), by a clock of its own; nobody comes or goes.
#include <cstdio>
#include <vector>

#include "migration/rebalancer.h"

namespace {

using drover::migration::Balance;
using drover::migration::balance_of;
using drover::migration::Share;

constexpr std::uint64_t kFull = 300;  // sessions of a full backend
constexpr int kPace = 20;             // sessions a second
constexpr int kInterval = 10;         // seconds between two looks; the empty one comes right after one
constexpr int kSeconds = 30;          // that are shown
constexpr double kThreshold = 0.3;

// One of each that gives, in turn.
void move_one(std::vector<Share>& shares, std::size_t& next) {
  const Balance balance = balance_of(shares);
  if (balance.even) return;
  while (balance.parts[next].gives == 0) next = (next + 1) % shares.size();
  --shares[next].active;
  next = (next + 1) % shares.size();
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (balance.parts[i].takes == 0) continue;
    ++shares[i].active;
    return;
  }
}

void print(const char* pool, std::size_t full) {
  std::vector<Share> shares(full + 1, Share{.active = kFull});
  shares.back().active = 0;
  std::size_t next = 0;
  bool goes_on = false;
  for (int second = 0; second <= kSeconds; ++second) {
    std::printf("%s,%d", pool, second);
    for (const Share& share : shares) std::printf(",%llu", static_cast<unsigned long long>(share.active));
    std::puts("");
    if (second % kInterval == 0 && second > 0) goes_on = goes_on || balance_of(shares).calls_for_moves(kThreshold);
    for (int i = 0; i < kPace && goes_on; ++i) move_one(shares, next);
  }
}

}  // namespace

int main() {
  print("two", 2);
  print("five", 5);
}
