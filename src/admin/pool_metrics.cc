// Pools of the configuration have their series from the start; what never came to a pool, under the empty name, is
// shown only where there is something.
#include "admin/pool_metrics.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace drover::admin {

namespace {

using observe::Distribution;
using observe::Exposition;
using observe::Ledger;
using observe::MetricType;
using observe::Passed;
using observe::PoolCounters;
using observe::PoolLedger;

constexpr double kMicroseconds = 1e6;  // in a second
constexpr double kSeconds = 1;

void tell_upgrades(Exposition& out, const Ledger& ledger) {
  out.begin(MetricType::kCounter, "drover_upgrades_total",
            "Answers to requests, by their status and by who gave them.");
  ledger.for_each([&](std::string_view pool, const PoolLedger& counters) {
    for (std::size_t source = 0; source < observe::kSources; ++source) {
      for (std::size_t status = 0; status < observe::kStatuses; ++status) {
        const auto count = counters.sum([&](const auto& one) { return one.answers[source][status].read(); });
        if (count == 0) continue;
        out.add({{"pool", pool},
                 {"code", observe::status_name(status)},
                 {"source", name_of(static_cast<observe::Source>(source))}},
                count);
      }
    }
  });
}

void tell_closes(Exposition& out, const Ledger& ledger) {
  out.begin(MetricType::kCounter, "drover_closes_total",
            "Ends of sessions, by the Close code of who ended them, who that was, and why.");
  ledger.for_each([&](std::string_view pool, const PoolLedger& counters) {
    for (std::size_t code = 0; code < observe::kCloseCodes; ++code) {
      for (std::size_t initiator = 0; initiator < observe::kInitiators; ++initiator) {
        for (std::size_t why = 0; why < observe::kWhys; ++why) {
          const auto count = counters.sum([&](const auto& one) { return one.ends[code][initiator][why].read(); });
          if (count == 0) continue;
          out.add({{"pool", pool},
                   {"code", observe::close_code_name(code)},
                   {"initiator", name_of(static_cast<observe::Initiator>(initiator))},
                   {"why", name_of(static_cast<observe::Why>(why))}},
                  count);
        }
      }
    }
  });
}

// All of them: a drain is watched by what it has not come to yet.
void tell_migrations(Exposition& out, const Ledger& ledger) {
  out.begin(MetricType::kCounter, "drover_migrations_total",
            "Moves of sessions off their backends that have ended, by the way they went and how that ended.");
  ledger.for_each([&](std::string_view pool, const PoolLedger& counters) {
    if (pool.empty()) return;  // no session is without a pool
    for (std::size_t mode = 0; mode < observe::kMoveModes; ++mode) {
      for (std::size_t result = 0; result < observe::kMoveResults; ++result) {
        const auto count = counters.sum([&](const auto& one) { return one.migrations[mode][result].read(); });
        out.add({{"pool", pool},
                 {"mode", name_of(static_cast<observe::MoveMode>(mode))},
                 {"result", name_of(static_cast<observe::MoveResult>(result))}},
                count);
      }
    }
  });
}

struct Direction {
  std::string_view name;
  Passed PoolCounters::* passed;
};
constexpr std::array kDirections = {Direction{"in", &PoolCounters::in}, Direction{"out", &PoolCounters::out}};

struct Opcode {
  std::string_view name;
  std::uint64_t (*count)(const Passed& passed);
};
constexpr std::array kOpcodes = {
    Opcode{"text", [](const Passed& passed) { return passed.messages.messages(MessageTally::Kind::kText); }},
    Opcode{"binary", [](const Passed& passed) { return passed.messages.messages(MessageTally::Kind::kBinary); }},
    Opcode{"ping", [](const Passed& passed) { return passed.pings.read(); }},
    Opcode{"pong", [](const Passed& passed) { return passed.pongs.read(); }},
    Opcode{"close", [](const Passed& passed) { return passed.closes.read(); }},
};

// Every pool, and each of its directions.
template <class Visit>
void for_each_direction(const Ledger& ledger, Visit visit) {
  ledger.for_each([&](std::string_view pool, const PoolLedger& counters) {
    if (pool.empty()) return;  // no tunnel is without a pool
    for (const auto& direction : kDirections) visit(pool, counters, direction);
  });
}

void tell_messages(Exposition& out, const Ledger& ledger) {
  out.begin(MetricType::kCounter, "drover_messages_total",
            "Messages and control frames that were passed on, from clients (in) or from backends (out).");
  for_each_direction(ledger, [&](std::string_view pool, const PoolLedger& counters, const Direction& direction) {
    for (const auto& opcode : kOpcodes) {
      const auto count = counters.sum([&](const auto& one) { return opcode.count(one.*direction.passed); });
      out.add({{"pool", pool}, {"direction", direction.name}, {"opcode", opcode.name}}, count);
    }
  });
}

void tell_bytes(Exposition& out, const Ledger& ledger) {
  out.begin(MetricType::kCounter, "drover_bytes_total",
            "Bytes of WebSocket frames, headers included, from clients (in) or from backends (out).");
  for_each_direction(ledger, [&](std::string_view pool, const PoolLedger& counters, const Direction& direction) {
    const auto count = counters.sum([&](const auto& one) { return (one.*direction.passed).bytes.read(); });
    out.add({{"pool", pool}, {"direction", direction.name}}, count);
  });
}

// 64, 256, … 64 MiB: every second bucket of a tally, so they are exact.
constexpr std::uint64_t kSmallestSize = 64;
constexpr std::uint64_t kLargestSize = 64 << 20U;
constexpr std::uint64_t kSizeStep = 4;

Distribution sizes_of(const PoolLedger& counters, const Direction& direction) {
  Distribution sizes;
  std::uint64_t next = kSmallestSize;
  for (std::size_t bucket = 0; bucket < MessageTally::kBuckets; ++bucket) {
    sizes.count += counters.sum([&](const auto& one) {
      const MessageTally& tally = (one.*direction.passed).messages;
      return tally.in_bucket(MessageTally::Kind::kText, bucket) + tally.in_bucket(MessageTally::Kind::kBinary, bucket);
    });
    if (next > kLargestSize || MessageTally::largest_in(bucket) != next) continue;
    sizes.buckets.push_back({.bound = static_cast<double>(next), .up_to = sizes.count});
    next *= kSizeStep;
  }
  const auto bytes = counters.sum([&](const auto& one) { return (one.*direction.passed).messages.payload_bytes(); });
  sizes.sum = static_cast<double>(bytes);
  return sizes;
}

void tell_sizes(Exposition& out, const Ledger& ledger) {
  out.begin(MetricType::kHistogram, "drover_message_size_bytes",
            "Payload of the text and binary messages that were passed on, as it stood on the wire.");
  for_each_direction(ledger, [&](std::string_view pool, const PoolLedger& counters, const Direction& direction) {
    out.add({{"pool", pool}, {"direction", direction.name}}, sizes_of(counters, direction));
  });
}

// `unit`: how many of what the buckets count are a second.
template <const auto& Bounds>
void tell_times(Exposition& out, const Ledger& ledger, observe::Buckets<Bounds> PoolCounters::* times, double unit) {
  ledger.for_each([&](std::string_view pool, const PoolLedger& counters) {
    if (pool.empty()) return;
    Distribution distribution;
    for (std::size_t bucket = 0; bucket <= Bounds.size(); ++bucket) {
      distribution.count += counters.sum([&](const auto& one) { return (one.*times).in_bucket(bucket); });
      if (bucket == Bounds.size()) break;  // the one of infinity is the count
      distribution.buckets.push_back(
          {.bound = static_cast<double>(Bounds[bucket]) / unit, .up_to = distribution.count});
    }
    distribution.sum = static_cast<double>(counters.sum([&](const auto& one) { return (one.*times).sum(); })) / unit;
    out.add({{"pool", pool}}, distribution);
  });
}

}  // namespace

void tell_pools(Exposition& out, const Ledger& ledger) {
  tell_upgrades(out, ledger);
  tell_closes(out, ledger);
  tell_migrations(out, ledger);
  tell_messages(out, ledger);
  tell_bytes(out, ledger);
  tell_sizes(out, ledger);
  out.begin(MetricType::kHistogram, "drover_upgrade_duration_seconds",
            "How long clients waited from the end of their upgrade request to its 101.");
  tell_times(out, ledger, &PoolCounters::upgrade_time, kMicroseconds);
  out.begin(MetricType::kHistogram, "drover_migration_pause_seconds",
            "How long the messages of clients waited while another backend took over their session.");
  tell_times(out, ledger, &PoolCounters::pause_time, kMicroseconds);
  out.begin(MetricType::kHistogram, "drover_session_duration_seconds",
            "How long sessions lasted that had a tunnel and have ended.");
  tell_times(out, ledger, &PoolCounters::session_time, kSeconds);
}

}  // namespace drover::admin
