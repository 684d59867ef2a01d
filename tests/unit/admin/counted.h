// A process that has counted, and what GET /metrics tells of it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "admin/metrics_api.h"
#include "pools.h"
#include "requests.h"

namespace drover::admin {

// What a process would count: two workers, and pools of the test's choice.
struct Counted {
  observe::Ledger ledger{2};
  std::array<observe::Counters, 2> counters;
  std::array<Histogram, 2> lag;
  std::array<net::TlsCounts, 2> tls;
  Status status;
  Pools pools;
  std::string hash = "c0ffee";
  bool last_reload_successful = true;
  std::vector<migration::DrainView> drains;
  Source::Frozen frozen = Source::Frozen::kNo;

  Source source() {
    Source made = serving(pools);
    made.status = [this] { return status; };
    made.measures = [this] {
      return Measures{.ledger = ledger,
                      .workers = {{counters[0], lag[0], tls[0]}, {counters[1], lag[1], tls[1]}},
                      .config_hash = hash,
                      .last_reload_successful = last_reload_successful};
    };
    made.drains = [this] { return drains; };
    made.frozen = [this] { return frozen; };
    return made;
  }
  observe::PoolCounters& of(const std::string& pool, unsigned worker = 0) {
    return ledger.of_pool(pool).of_worker(worker);
  }
};

inline Reply reply_of(Counted& counted) {
  const Asked asked("GET /metrics");
  const auto peer = *net::Address::from_literal("10.0.0.7", 80);
  const Request request{.head = asked.head(), .body = {}, .peer = peer, .now = kNow};
  const Source source = counted.source();
  return metrics({request, {}, source});
}

class Scrape {
 public:
  explicit Scrape(Counted& counted) : text_(reply_of(counted).body) {
    std::istringstream lines(text_);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#')) continue;
      const auto space = line.rfind(' ');
      const bool fresh = values_.emplace(line.substr(0, space), line.substr(space + 1)).second;
      CHECK_MESSAGE(fresh, "a series twice: ", line);
    }
  }
  const std::string& text() const { return text_; }
  // As written; "none" where there is no such series.
  std::string operator[](const std::string& series) const {
    const auto found = values_.find("drover_" + series);
    return found == values_.end() ? "none" : found->second;
  }
  // How many series there are of that metric.
  std::size_t count(const std::string& name) const {
    const auto of_it = [&](const auto& value) { return value.first.starts_with("drover_" + name); };
    return static_cast<std::size_t>(std::ranges::count_if(values_, of_it));
  }

 private:
  const std::string text_;
  std::map<std::string, std::string> values_;
};

}  // namespace drover::admin
