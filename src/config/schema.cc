// The tables, innermost first. A key that is not here is unknown.
#include "config/schema.h"

#include <algorithm>
#include <array>

namespace drover::config {
namespace {

using enum Status;
using enum Shape;

constexpr std::array kCertificateKeys = {
    Key{"cert", kRequired},
    Key{"key", kRequired},
    Key{"ocsp", kOptional},
};
constexpr Section kCertificateSection{kCertificateKeys};

constexpr std::array kListenerTlsKeys = {
    Key{"certificates", kRequired, kMaps, &kCertificateSection},
    Key{"min_version", kOptional},
    Key{"client_ca", kOptional},
};
constexpr Section kListenerTlsSection{kListenerTlsKeys};

constexpr std::array kListenerKeys = {
    Key{"bind", kRequired},        Key{"shared", kOptional},
    Key{"health_path", kOptional}, Key{"tls", kOptional, kMap, &kListenerTlsSection},
    Key{"proxy_protocol"},
};
constexpr Section kListenerSection{kListenerKeys};

constexpr std::array kMatchKeys = {
    Key{"host", kOptional},
    Key{"path", kOptional},
    Key{"websocket", kOptional},
};
constexpr Section kMatchSection{kMatchKeys};

constexpr std::array kRouteKeys = {
    Key{"match", kOptional, kMap, &kMatchSection},
    Key{"pool", kRequired},
    Key{"strip_prefix", kOptional},
    Key{"allowed_origins", kOptional, kScalars},
};
constexpr Section kRouteSection{kRouteKeys};

constexpr std::array kBackendTlsKeys = {
    Key{"verify", kOptional},
    Key{"server_name", kOptional},
    Key{"ca", kOptional},
    Key{"crl", kOptional},
};
constexpr Section kBackendTlsSection{kBackendTlsKeys};

constexpr std::array kBackendKeys = {
    Key{"name", kOptional},
    Key{"address", kRequired},
    Key{"weight", kOptional},
    Key{"max_connections", kOptional},
    Key{"tls", kOptional, kMap, &kBackendTlsSection},
};
constexpr Section kBackendSection{kBackendKeys};

constexpr std::array kPoolLimitsKeys = {
    Key{"max_message_size", kOptional},
    Key{"max_fragments", kOptional},
    Key{"messages_per_second"},
    Key{"bytes_per_second"},
    Key{"over_rate"},
};

constexpr std::array kSlowClientKeys = {
    Key{"policy"},
    Key{"max_queued", kOptional},
    Key{"coalesce_key"},
};
constexpr Section kSlowClientSection{kSlowClientKeys};

constexpr std::array kTimeoutsKeys = {
    Key{"connect", kOptional},       Key{"upgrade", kOptional}, Key{"idle", kOptional},
    Key{"stalled_write", kOptional}, Key{"close", kOptional},
};
constexpr Section kTimeoutsSection{kTimeoutsKeys};

constexpr std::array kPingKeys = {
    Key{"clients", kOptional},
    Key{"backends", kOptional},
    Key{"timeout", kOptional},
};
constexpr Section kPingSection{kPingKeys};

constexpr std::array kConsistentHashKeys = {
    Key{"key", kOptional},
    Key{"bound", kOptional},
};
constexpr Section kConsistentHashSection{kConsistentHashKeys};

constexpr std::array kPolicyKeys = {
    Key{"consistent_hash", kOptional, kMap, &kConsistentHashSection},
};
constexpr Section kPolicySection{kPolicyKeys};

constexpr std::array kScoreKeys = {
    Key{"connections", kOptional}, Key{"cpu", kOptional},          Key{"memory", kOptional},
    Key{"latency", kOptional},     Key{"message_rate", kOptional}, Key{"latency_reference", kOptional},
    Key{"stale_after", kOptional},
};
constexpr Section kScoreSection{kScoreKeys};

constexpr std::array kHealthCheckKeys = {
    Key{"type", kOptional},          Key{"path", kOptional},        Key{"host", kOptional},
    Key{"expect_status", kOptional}, Key{"expect_body", kOptional}, Key{"interval", kOptional},
    Key{"timeout", kOptional},       Key{"rise", kOptional},        Key{"fall", kOptional},
    Key{"agent_port", kOptional},
};
constexpr Section kHealthCheckSection{kHealthCheckKeys};

constexpr std::array kEjectionKeys = {
    Key{"failures", kOptional},
    Key{"base_time", kOptional},
    Key{"max_ejected_percent", kOptional},
};
constexpr Section kEjectionSection{kEjectionKeys};

constexpr std::array kMigrationKeys = {
    Key{"handoff", kOptional},         Key{"notify", kOptional},
    Key{"rescue", kOptional},          Key{"pace", kOptional},
    Key{"grace", kOptional},           Key{"deadline", kOptional},
    Key{"handoff_timeout", kOptional}, Key{"quiet", kOptional},
    Key{"max_state", kOptional},       Key{"cooldown", kOptional},
    Key{"stop_if_failing", kOptional}, Key{"endpoint", kOptional},
};
constexpr Section kMigrationSection{kMigrationKeys};

constexpr std::array kLostBackendKeys = {
    Key{"close_pace", kOptional},
};
constexpr Section kLostBackendSection{kLostBackendKeys};

constexpr std::array kRebalanceKeys = {
    Key{"enabled", kOptional},  Key{"threshold", kOptional}, Key{"pace", kOptional},
    Key{"cooldown", kOptional}, Key{"interval", kOptional},
};
constexpr Section kRebalanceSection{kRebalanceKeys};

constexpr std::array kPoolKeys = {
    Key{"backends", kRequired, kMapsOrScalars, &kBackendSection},
    Key{"source_addresses"},
    Key{"policy", kOptional, kWord, &kPolicySection},
    Key{"choices", kOptional},
    Key{"score", kOptional, kMap, &kScoreSection},
    Key{"slow_start", kOptional},
    Key{"attempts", kOptional},
    Key{"health_check", kOptional, kMap, &kHealthCheckSection},
    Key{"resolve_interval", kOptional},
    Key{"ejection", kOptional, kMap, &kEjectionSection},
    Key{"panic_threshold", kOptional},
    Key{"on_down", kOptional},
    Key{"required", kOptional},
    Key{"migration", kOptional, kMap, &kMigrationSection},
    Key{"lost_backend", kOptional, kMap, &kLostBackendSection},
    Key{"rebalance", kOptional, kMap, &kRebalanceSection},
    Key{"limits", kOptional, kMap, &kPoolLimitsSection},
    Key{"slow_client", kOptional, kMap, &kSlowClientSection},
    Key{"timeouts", kOptional, kMap, &kTimeoutsSection},
    Key{"ping", kOptional, kMap, &kPingSection},
};

constexpr std::array kResumeKeys = {
    Key{"secrets", kOptional, kScalars},
    Key{"on_invalid_token", kOptional},
};
constexpr Section kResumeSection{kResumeKeys};

constexpr std::array kLimitsKeys = {
    Key{"max_connections", kOptional},
    Key{"max_connections_per_ip"},
    Key{"handshakes_per_second"},
    Key{"handshakes_in_flight"},
    Key{"wait"},
    Key{"max_head_size", kOptional},
    Key{"max_headers", kOptional},
    Key{"head_timeout", kOptional},
    Key{"max_buffered"},
};
constexpr Section kLimitsSection{kLimitsKeys, &kPoolLimitsSection};

constexpr std::array kShutdownKeys = {
    Key{"announce", kOptional},
    Key{"pace", kOptional},
    Key{"deadline", kOptional},
};
constexpr Section kShutdownSection{kShutdownKeys};

constexpr std::array kAdminKeys = {
    Key{"bind", kOptional},
    Key{"token", kOptional},
    Key{"load_token", kOptional},
    Key{"hosts", kOptional, kScalars},
};
constexpr Section kAdminSection{kAdminKeys};

constexpr std::array kProbesKeys = {
    Key{"bind", kOptional},
};
constexpr Section kProbesSection{kProbesKeys};

constexpr std::array kLogKeys = {
    Key{"level", kOptional},
    Key{"access", kOptional},
    Key{"format", kOptional},
};
constexpr Section kLogSection{kLogKeys};

constexpr std::array kTopKeys = {
    Key{"workers", kOptional},
    Key{"listen", kOptional, kScalarOrScalars},
    Key{"listeners", kOptional, kMaps, &kListenerSection},
    Key{"trusted_proxies", kOptional, kScalars},
    Key{"nameservers", kOptional, kScalars},
    Key{"forwarded"},
    Key{"reload_wait", kOptional},
    Key{"routes", kOptional, kMaps, &kRouteSection},
    Key{"pools", kOptional, kNamedMaps, &kPoolSection},
    Key{"resume", kOptional, kMap, &kResumeSection},
    Key{"limits", kOptional, kMap, &kLimitsSection},
    Key{"shutdown", kOptional, kMap, &kShutdownSection},
    Key{"admin", kOptional, kMap, &kAdminSection},
    Key{"probes", kOptional, kMap, &kProbesSection},
    Key{"log", kOptional, kMap, &kLogSection},
};

}  // namespace

constinit const Section kPoolLimitsSection{kPoolLimitsKeys};
constinit const Section kPoolSection{kPoolKeys};
constinit const Section kTopSection{kTopKeys, &kPoolSection};

const Key* Section::find(std::string_view name) const {
  const auto found = std::ranges::find(keys, name, &Key::name);
  if (found != keys.end()) return &*found;
  return also != nullptr ? also->find(name) : nullptr;
}

std::vector<std::string_view> Section::names() const {
  std::vector<std::string_view> result = also != nullptr ? also->names() : std::vector<std::string_view>();
  for (const Key& key : keys) result.push_back(key.name);
  return result;
}

}  // namespace drover::config
