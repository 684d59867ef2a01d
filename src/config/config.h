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

// Files in PEM but the OCSP response, which is DER; absolute paths. What is in them is not looked at here.
struct Certificate {
  std::string cert;  // the chain, the server's own first
  std::string key;
  std::string ocsp;  // an OCSP response to staple; empty: none
  bool operator==(const Certificate&) const = default;
};

enum class TlsVersion : std::uint8_t { k12, k13 };

struct ListenerTls {
  std::vector<Certificate> certificates;  // never empty; the first is the fallback
  TlsVersion min_version = TlsVersion::k12;
  std::string client_ca;  // clients need a certificate from these authorities; empty: none is asked for
  bool operator==(const ListenerTls&) const = default;
};

struct Listener {
  Endpoint bind;
  bool shared = false;      // with other processes that share it
  std::string health_path;  // answered by Drover itself as GET /ready; empty: none
  std::optional<ListenerTls> tls;
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

// TLS towards a backend. Paths are absolute.
struct BackendTls {
  bool verify = true;
  std::string server_name;  // for SNI and verification; empty: the host of the address
  std::string ca;           // authorities; empty: those of the system
  std::string crl;          // empty: none
  bool operator==(const BackendTls&) const = default;
};

struct BackendSpec {
  std::string name;  // the address where unnamed
  Endpoint address;
  unsigned weight = 1;                // 1…1000
  std::uint32_t max_connections = 0;  // 0: none
  std::optional<BackendTls> tls;
  // Where the address is one of a name's: the name and port, as written. The loader leaves it empty.
  std::string authority;
  bool operator==(const BackendSpec&) const = default;
};

// What the policy consistent_hash goes by.
struct HashKey {
  enum class Source : std::uint8_t { kClientIp, kHeader, kCookie, kQuery, kPath };
  Source source = Source::kClientIp;
  std::string name;      // of the header, cookie or query parameter
  unsigned segment = 0;  // of the path, from 1
  bool operator==(const HashKey&) const = default;
};

struct ConsistentHash {
  HashKey key;
  double bound = 1.25;  // at least 1: what a backend takes at most, over its fair share
  bool operator==(const ConsistentHash&) const = default;
};

// The weights of the health score's terms (they need not add up to 1), and what the terms are measured by.
struct Score {
  double connections = 0.3;
  double cpu = 0.25;
  double memory = 0.25;
  double latency = 0.2;
  double message_rate = 0;
  milliseconds latency_reference{100};  // a latency that counts as 1
  milliseconds stale_after{30'000};     // 0: never
  bool operator==(const Score&) const = default;
};

struct HealthCheck {
  enum class Type : std::uint8_t { kTcp, kHttp, kWebSocket };
  Type type = Type::kTcp;
  std::string path = "/health";
  std::string host;  // empty: the backend's address
  unsigned expect_status = 200;
  std::string expect_body;       // a part of the body; empty: any body
  milliseconds interval{5'000};  // 0: no probes, and every backend counts as up
  milliseconds timeout{2'000};
  unsigned rise = 2;
  unsigned fall = 3;
  std::uint16_t agent_port = 0;  // 0: no agent
  bool operator==(const HealthCheck&) const = default;
};

struct Ejection {
  unsigned failures = 5;  // in a row; 0: never
  milliseconds base_time{30'000};
  unsigned max_ejected_percent = 50;
  bool operator==(const Ejection&) const = default;
};

// What becomes of the sessions of a backend that is down.
enum class OnDown : std::uint8_t {
  kKeep,
  kMove,  // rescued, where `Migration::rescue` says so
};

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

// For whom the backend behind a session is changed while the client's connection stays.
enum class Handoff : std::uint8_t {
  kOff,
  kOptIn,   // backends that say in their 101 that they take part
  kAssume,  // all of them: they know nothing of it, and hold no state of their own for a connection
};

// Who is asked to reconnect, by a frame of Drover's own, before its session is closed.
enum class Notify : std::uint8_t { kOff, kOptIn, kAlways };

// How the sessions of a backend that goes away are moved.
struct Migration {
  Handoff handoff = Handoff::kOptIn;
  Notify notify = Notify::kOptIn;
  bool rescue = false;         // sessions of a lost backend are handed off; never with Handoff::kOff
  std::optional<double> pace;  // sessions a second; none: auto, spread over the deadline
  milliseconds grace{10'000};  // from the moment that a client is to reconnect to its Close
  milliseconds deadline{60'000};
  milliseconds handoff_timeout{5'000};  // for the old backend to hand over; then it is done without its state
  milliseconds quiet{200};              // below handoff_timeout; Handoff::kAssume: without a byte, replies are all sent
  std::uint64_t max_state = 64 * 1024;  // bytes of the state that the old backend gives to the new one
  milliseconds cooldown{60'000};        // between two rescues of a session, among others; 0: none
  double stop_if_failing = 0.05;        // a share: with more of its handoffs refused a plan stops; 0: it never does
  std::string endpoint;                 // the URL that clients are told to reconnect to; empty: their own
  bool operator==(const Migration&) const = default;
};

// What becomes of the sessions of a backend that is lost.
struct LostBackend {
  double close_pace = 1'000;  // closes a second
  bool operator==(const LostBackend&) const = default;
};

// When sessions are moved only to even out the backends, whose load is their sessions by their weight.
struct Rebalance {
  bool enabled = false;
  double threshold = 0.3;          // a share, above 0 and below 1: (most - least) / most
  double pace = 20;                // sessions a second
  milliseconds cooldown{300'000};  // between two moves of a session; 0: none
  milliseconds interval{10'000};   // between two looks
  bool operator==(const Rebalance&) const = default;
};

inline constexpr unsigned kAllChoices = ~0U;

struct Pool {
  std::string name;
  std::vector<BackendSpec> backends;
  std::string policy = "health_score";  // a name of policy_names.h
  ConsistentHash consistent_hash;
  std::optional<unsigned> choices;  // how many backends health_score compares; none: auto; kAllChoices: all
  Score score;
  milliseconds slow_start{0};  // 0: none
  unsigned attempts = 3;
  HealthCheck health_check;
  milliseconds resolve_interval{5'000};
  Ejection ejection;
  double panic_threshold = 0.3;  // a share; 0: no panic
  OnDown on_down = OnDown::kKeep;
  Migration migration;
  LostBackend lost_backend;
  Rebalance rebalance;
  bool required = false;  // without an eligible backend in it Drover is not ready
  PoolLimits limits;
  SlowClient slow_client;
  PoolTimeouts timeouts;
  Ping ping;
  bool operator==(const Pool&) const = default;
};

// Resume tokens, with which a client that was asked to reconnect comes back as the same session.
struct Resume {
  enum class OnInvalidToken : std::uint8_t {
    kIgnore,  // a plain new session
    kReject,  // 401
  };
  std::vector<std::string> secrets;  // the first one signs, all are accepted; empty: a random one, this process's
  OnInvalidToken on_invalid_token = OnInvalidToken::kIgnore;
  bool operator==(const Resume&) const = default;
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
  std::string token;               // for all but /health, /ready and /metrics; empty: none is asked for
  std::string load_token;          // good for load reports alone; empty: none
  std::vector<std::string> hosts;  // names that a Host header may have, lower case, without port
  bool operator==(const Admin&) const = default;
};

// A port of its own for /health, /ready and /metrics alone.
struct Probes {
  std::optional<Endpoint> bind;  // none: bind is ""
  bool operator==(const Probes&) const = default;
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kJson, kText };

struct Log {
  LogLevel level = LogLevel::kInfo;
  std::string access = "stdout";        // "stdout", "stderr", "off", or an absolute path
  LogFormat format = LogFormat::kJson;  // of the access log
  bool operator==(const Log&) const = default;
};

struct Config {
  std::string file;                 // where it came from, for messages
  std::optional<unsigned> workers;  // none: auto
  std::vector<Listener> listeners;  // never empty
  std::vector<Network> trusted_proxies;
  std::vector<Endpoint> nameservers;  // numeric; empty: those of the system
  std::vector<Route> routes;          // never empty: without any, one that matches all and names "default"
  std::vector<Pool> pools;
  Resume resume;
  milliseconds reload_wait{10'000};  // how long removed backends stay while added ones are not up yet
  Limits limits;
  Shutdown shutdown;
  Admin admin;
  Probes probes;
  Log log;
  bool operator==(const Config&) const = default;
};

}  // namespace drover::config
