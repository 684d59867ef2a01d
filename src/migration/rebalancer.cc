// Goals are those of D'Hondt's method, which makes the largest active/weight as small as whole sessions allow: each
// session in turn goes where active/weight will be the smallest. All but the last few of these steps are known from the
// level that water would have, since its whole parts are never too much.
#include "migration/rebalancer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace drover::migration {

namespace {

using Goals = std::vector<std::uint64_t>;

std::uint64_t most_of(const Share& share) {
  return share.active + share.room;
}

// What each would have if sessions could be divided: in proportion to the weights, but nobody more than it has room
// for.
std::vector<double> ideals_of(std::span<const Share> shares) {
  std::vector<double> ideals(shares.size());
  std::vector<bool> filled(shares.size());
  double sessions = 0;
  double weights = 0;
  for (const Share& share : shares) {
    sessions += static_cast<double>(share.active);
    weights += static_cast<double>(share.weight);
  }
  for (bool again = true; again;) {
    again = false;
    const double level = weights > 0 ? std::max(sessions, 0.0) / weights : 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (filled[i]) continue;
      const auto most = static_cast<double>(most_of(shares[i]));
      const auto weight = static_cast<double>(shares[i].weight);
      ideals[i] = std::min(weight * level, most);
      if (weight * level <= most) continue;
      filled[i] = again = true;
      sessions -= most;
      weights -= weight;
    }
  }
  return ideals;
}

// Who is given the next session. Where it is the same, whoever has it already.
std::size_t next_of(std::span<const Share> shares, const std::vector<double>& ideals, const Goals& goals) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    // Who is above the mean takes none, and who is below it no more than the session that brings it there.
    const auto whole = static_cast<std::uint64_t>(std::ceil(ideals[i]));
    if (goals[i] >= std::min(std::max(whole, shares[i].active), most_of(shares[i]))) continue;
    if (!best) {
      best = i;
      continue;
    }
    const std::uint64_t ours = (goals[i] + 1) * shares[*best].weight;
    const std::uint64_t theirs = (goals[*best] + 1) * shares[i].weight;
    const bool has_it = shares[i].active > goals[i] && shares[*best].active <= goals[*best];
    if (ours < theirs || (ours == theirs && has_it)) best = i;
  }
  return *best;  // there is one: together they may keep what they have
}

Goals goals_of(std::span<const Share> shares, const std::vector<double>& ideals) {
  constexpr double kRounding = 1 - 1e-12;  // one too few is given out again, one too many could not be taken back
  Goals goals;
  std::uint64_t left = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    goals.push_back(static_cast<std::uint64_t>(ideals[i] * kRounding));
    left += shares[i].active;
  }
  left -= std::accumulate(goals.begin(), goals.end(), std::uint64_t{0});
  for (; left > 0; --left) ++goals[next_of(shares, ideals, goals)];
  return goals;
}

double spread_of(std::span<const Share> shares) {
  double largest = 0;
  double smallest = std::numeric_limits<double>::infinity();
  for (const Share& share : shares) {
    const double load = static_cast<double>(share.active) / static_cast<double>(share.weight);
    largest = std::max(largest, load);
    if (share.room > 0) smallest = std::min(smallest, load);
  }
  return largest > 0 && smallest < largest ? (largest - smallest) / largest : 0;
}

}  // namespace

Balance balance_of(std::span<const Share> shares) {
  constexpr double kClose = 0.05;  // DESIGN section 7
  Balance balance;
  balance.spread = spread_of(shares);
  const auto ideals = ideals_of(shares);
  const auto goals = goals_of(shares, ideals);
  std::uint64_t gives = 0;
  bool all_close = true;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const std::uint64_t active = shares[i].active;
    Balance::Part part{.gives = 0, .takes = 0, .goal = goals[i]};
    if (active > goals[i]) part.gives = active - goals[i];
    if (active < goals[i]) part.takes = goals[i] - active;
    gives += part.gives;
    all_close = all_close && std::abs(static_cast<double>(active) - ideals[i]) <= kClose * ideals[i];
    balance.parts.push_back(part);
  }
  balance.left = gives;
  balance.even = all_close || balance.left == 0;
  return balance;
}

PoolBalance balance_of(const balancer::Pool& pool, MonotonicTime now) {
  constexpr std::uint64_t kThousandths = 1'000;
  PoolBalance result;
  const auto standard = pool.standard();
  if (standard != balancer::Standard::kProven) return result;
  const bool by_key = pool.settings().policy == "consistent_hash";
  std::vector<Share> shares;
  for (const auto& backend : pool.backends()) {
    if (!balancer::healthy(*backend, standard)) continue;
    const std::uint64_t weight = by_key ? backend->weight() * kThousandths : backend->effective_weight(now);
    if (weight == 0) continue;
    const std::uint64_t active = backend->active();
    const std::uint64_t most = backend->max_connections();
    const std::uint64_t room = most == 0 ? Share::kUnlimited : most - std::min(active, most);
    shares.push_back({.active = active, .weight = weight, .room = room});
    result.backends.push_back(backend);
  }
  result.balance = balance_of(shares);
  return result;
}

}  // namespace drover::migration
