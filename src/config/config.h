// The configuration as plain validated values: what conf/*.yaml means after loading. Every default of the
// file format stands here and nowhere else. Nothing here knows YAML; immutable once loaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace drover::config {

using std::chrono::milliseconds;

// A CIDR block, IPv4 or IPv6: "10.0.0.0/8", "::1/128"; a bare address is the whole prefix.
struct Network {
  std::string text;  // as written
  bool ipv6 = false;
  std::uint8_t bytes[16] = {};  // network order; the first 4 for IPv4; host bits cleared
  unsigned prefix_bits = 0;
  bool operator==(const Network&) const = default;
};

// "host:port", ":port" (any address, IPv6 and IPv4), "[::1]:port". Syntax is checked; names are not resolved here.
struct Endpoint {
  std::string host;  // without brackets; empty for ":port"
  std::uint16_t port = 0;
  std::string text;  // as written
  bool operator==(const Endpoint&) const = default;
};

struct Listener {
  Endpoint bind;
  bool shared = false;  // with other processes that share it
  bool operator==(const Listener&) const = default;
};

struct RouteMatch {
  std::optional<std::string> host;  // lower case, without port; exact
  std::optional<std::string> path;  // prefix on segment borders: "/ws" matches "/ws", "/ws/a", "/ws?x", not "/wsx"
  std::optional<bool> websocket;
  bool operator==(const RouteMatch&) const = default;
};

struct Route {
  std::string name;  // host and path, for logs: e.g. "chat.example.com/ws"; "*" where neither is given
  RouteMatch match;
  std::string pool;
  bool strip_prefix = false;
  std::vector<std::string> allowed_origins;  // empty: any
  bool operator==(const Route&) const = default;
};

struct BackendSpec {
  std::string name;  // the address where unnamed
  Endpoint address;
  unsigned weight = 1;                // 1…1000
  std::uint32_t max_connections = 0;  // 0: none
  bool operator==(const BackendSpec&) const = default;
};

enum class PolicyKind : std::uint8_t { kRoundRobin, kLeastConnections };

struct PoolLimits {
  std::uint64_t max_message_size = 0;    // bytes over all fragments; 0: none
  std::uint32_t max_fragments = 16'384;  // frames of one message; 0: none
  bool operator==(const PoolLimits&) const = default;
};

struct SlowClient {
  std::uint64_t max_queued = 64 * 1024;  // bytes a direction
  bool operator==(const SlowClient&) const = default;
};

struct PoolTimeouts {
  milliseconds connect{5'000};
  milliseconds upgrade{10'000};
  milliseconds idle{0};           // 0: none
  milliseconds stalled_write{0};  // 0: none
  milliseconds close{5'000};
  bool operator==(const PoolTimeouts&) const = default;
};

// After how much silence Drover asks a peer for a pong of its own, and how long it then waits for any byte.
struct Ping {
  milliseconds clients{30'000};  // 0: none
  milliseconds backends{0};      // 0: none
  milliseconds timeout{20'000};
  bool operator==(const Ping&) const = default;
};

struct Pool {
  std::string name;
  std::vector<BackendSpec> backends;
  PolicyKind policy = PolicyKind::kLeastConnections;
  unsigned attempts = 3;
  PoolLimits limits;
  SlowClient slow_client;
  PoolTimeouts timeouts;
  Ping ping;
  bool operator==(const Pool&) const = default;
};

struct Limits {
  std::uint32_t max_connections = 100'000;  // "0", no limit, is the largest value
  std::uint32_t max_head_size = 16 * 1024;  // bytes
  std::uint32_t max_headers = 100;
  milliseconds head_timeout{10'000};
  bool operator==(const Limits&) const = default;
};

struct Shutdown {
  milliseconds announce{0};
  std::optional<double> pace;  // closes a second; none: auto
  milliseconds deadline{30'000};
  bool operator==(const Shutdown&) const = default;
};

struct Admin {
  std::optional<Endpoint> bind = Endpoint{"127.0.0.1", 9900, "127.0.0.1:9900"};  // none: bind is ""
  bool operator==(const Admin&) const = default;
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

struct Log {
  LogLevel level = LogLevel::kInfo;
  std::string access = "stdout";  // "stdout", "stderr", "off", or an absolute path
  bool operator==(const Log&) const = default;
};

struct Config {
  std::string file;                 // where it came from, for messages
  std::optional<unsigned> workers;  // none: auto
  std::vector<Listener> listeners;  // never empty
  std::vector<Network> trusted_proxies;
  std::vector<Route> routes;  // never empty: without any, one that matches all and names "default"
  std::vector<Pool> pools;
  Limits limits;
  Shutdown shutdown;
  Admin admin;
  Log log;
  bool operator==(const Config&) const = default;
};

}  // namespace drover::config
