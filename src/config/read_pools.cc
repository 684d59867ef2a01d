// One pool at a time; both forms have the same keys at the same places below their map.
#include "config/read_pools.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "config/read_balancing.h"
#include "config/read_health.h"
#include "config/read_migration.h"
#include "config/read_tls.h"
#include "config/schema.h"
#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

constexpr std::size_t kMostPools = 10'000;
constexpr std::size_t kLongestName = 64;
constexpr milliseconds kNotZero{1};
constexpr milliseconds kZeroAllowed{0};
constexpr std::uint64_t kLeastQueue = 1024;
constexpr std::uint64_t kMostQueue = 1ULL << 30U;
constexpr std::uint64_t kHugeQueue = 16ULL << 20U;
constexpr milliseconds kHasty{1'000};  // less is a few lost packets, or a mobile network changing cells

// Names of pools and backends stand in URLs, log fields and metric labels.
bool check_name(Reader& reader, Position position, std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-' || c == ':' || c == '[' || c == ']';
  };
  if (!name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, allowed)) return true;
  reader.error(position, in_quotes(name) + " is no name: up to " + std::to_string(kLongestName) +
                             " letters, digits and characters of '._-:[]'");
  return false;
}

std::optional<BackendSpec> read_backend(Reader& reader, const Field& field) {
  const bool short_form = field.is(NodeKind::kScalar);
  const Field address = short_form ? field : field["address"];
  auto endpoint = reader.endpoint(address);
  if (endpoint && (endpoint->host.empty() || endpoint->port == 0)) {
    reader.error(address.position(), "'" + address.path + "' must be 'host:port' with a host and a port above 0, got " +
                                         in_quotes(endpoint->text));
    endpoint.reset();
  }
  BackendSpec backend;
  if (endpoint) backend.address = *endpoint;
  backend.name = backend.address.text;
  // The name that an unnamed backend has may be said too, though a host name can be longer than our names.
  const auto name = reader.text(field["name"]);
  if (name && *name != backend.name && check_name(reader, field["name"].position(), *name)) backend.name = *name;
  reader.number(field["weight"], 1U, 1000U, backend.weight);
  reader.number(field["max_connections"], std::uint32_t{0}, std::numeric_limits<std::uint32_t>::max(),
                backend.max_connections);
  backend.tls = read_backend_tls(reader, field["tls"]);
  if (!endpoint) return std::nullopt;
  return backend;
}

std::vector<BackendSpec> read_backends(Reader& reader, const Field& list) {
  std::vector<BackendSpec> backends;
  std::unordered_map<std::string, std::size_t> names;
  std::unordered_map<std::string, std::size_t> addresses;
  if (list.is(NodeKind::kList) && list.size() == 0) reader.error(list.position(), "'" + list.path + "' is empty");
  for (std::size_t index = 0; index < list.size(); ++index) {
    const Field field = list.item(index);
    auto backend = read_backend(reader, field);
    if (!backend) continue;
    const auto twin = addresses.emplace(canonical(backend->address), index);
    const auto namesake = names.emplace(backend->name, index);
    if (!twin.second) {
      reader.error(field.position(), "duplicate backend address " + in_quotes(backend->address.text) +
                                         "; the first is " + list.item(twin.first->second).path);
    } else if (!namesake.second) {
      reader.error(field.position(), "duplicate backend name " + in_quotes(backend->name) + "; the first is " +
                                         list.item(namesake.first->second).path);
    }
    backends.push_back(*std::move(backend));
  }
  return backends;
}

void read_pool_limits(Reader& reader, const Field& map, PoolLimits& limits) {
  reader.size(map["max_message_size"], 0, std::numeric_limits<std::int64_t>::max(), limits.max_message_size);
  reader.number(map["max_fragments"], std::uint32_t{0}, std::numeric_limits<std::uint32_t>::max(),
                limits.max_fragments);
}

void read_slow_client(Reader& reader, const Field& map, SlowClient& slow_client) {
  const Field max_queued = map["max_queued"];
  reader.size(max_queued, kLeastQueue, kMostQueue, slow_client.max_queued);
  if (slow_client.max_queued > kHugeQueue)
    reader.warn(max_queued.position(), "'" + max_queued.path + "': every slow client may take that much memory, twice");
}

void warn_hasty(Reader& reader, const Field& field, milliseconds value) {
  reader.warn(field.position(), "'" + field.path + "' at '" + format_duration(value) +
                                    "' ends sessions whose network merely pauses; below 1s that is common");
}

void read_timeouts(Reader& reader, const Field& map, PoolTimeouts& timeouts) {
  reader.duration(map["connect"], kNotZero, timeouts.connect);
  reader.duration(map["upgrade"], kNotZero, timeouts.upgrade);
  reader.duration(map["idle"], kZeroAllowed, timeouts.idle);
  reader.duration(map["stalled_write"], kZeroAllowed, timeouts.stalled_write);
  reader.duration(map["close"], kNotZero, timeouts.close);
  if (timeouts.stalled_write > kZeroAllowed && timeouts.stalled_write < kHasty)
    warn_hasty(reader, map["stalled_write"], timeouts.stalled_write);
}

// No warning about backends: they are few and near, so quick pings may be what finds a dead one in time.
void read_ping(Reader& reader, const Field& map, const PoolTimeouts& timeouts, Ping& ping) {
  const Field clients = map["clients"];
  reader.duration(clients, kZeroAllowed, ping.clients);
  reader.duration(map["backends"], kZeroAllowed, ping.backends);
  reader.duration(map["timeout"], kNotZero, ping.timeout);
  const bool pings_clients = ping.clients > kZeroAllowed;
  if (!pings_clients && timeouts.idle == kZeroAllowed)
    reader.warn(clients.position(), "'" + clients.path +
                                        "' at 0 without 'timeouts.idle': clients that vanish hold their "
                                        "connections until TCP gives them up, which takes minutes");
  if (pings_clients && ping.clients < kHasty)
    reader.warn(clients.position(), "'" + clients.path + "' at '" + format_duration(ping.clients) +
                                        "': every silent client is pinged that often");
  if (pings_clients && ping.timeout < kHasty) warn_hasty(reader, map["timeout"], ping.timeout);
}

Pool read_pool(Reader& reader, const Field& map, std::string_view name) {
  Pool pool;
  pool.name = name;
  pool.backends = read_backends(reader, map["backends"]);
  read_balancing(reader, map, pool);
  reader.number(map["attempts"], 1U, 100U, pool.attempts);
  read_health(reader, map, pool);
  read_migration(reader, map, pool);
  read_pool_limits(reader, map["limits"], pool.limits);
  read_slow_client(reader, map["slow_client"], pool.slow_client);
  read_timeouts(reader, map["timeouts"], pool.timeouts);
  read_ping(reader, map["ping"], pool.timeouts, pool.ping);
  return pool;
}

struct ShortForm {
  const Node* key = nullptr;  // the first key at top level that is a pool's; null: none
  std::string path;
};

ShortForm find_short_form(const Field& top) {
  const auto first_of = [](const Field& map, const Section& section, std::string_view but) -> ShortForm {
    if (!map.is(NodeKind::kMap)) return {};
    for (const Entry& entry : map.node->entries) {
      if (entry.key->kind != NodeKind::kScalar || entry.key->text == but) continue;
      const Key* key = section.find(entry.key->text);
      if (key != nullptr && key->status != Status::kLater) return {entry.key.get(), map.child_path(key->name)};
    }
    return {};
  };
  // 'limits' at top level has keys of its own beside those of a pool.
  ShortForm found = first_of(top, kPoolSection, "limits");
  return found.key != nullptr ? found : first_of(top["limits"], kPoolLimitsSection, "");
}

}  // namespace

std::vector<Pool> read_pools(Reader& reader, const Field& top) {
  std::vector<Pool> pools;
  const Field named = top["pools"];
  const bool has_default = named[kDefaultPool].present();
  if (named.is(NodeKind::kMap)) {
    if (named.node->entries.size() > kMostPools)
      reader.error(named.position(), "'pools' has more than " + std::to_string(kMostPools) + " pools");
    for (const Entry& entry : named.node->entries) {
      if (entry.key->kind != NodeKind::kScalar || entry.key->text == "<<") continue;  // reported with the structure
      check_name(reader, entry.key->position, entry.key->text);
      pools.push_back(read_pool(reader, {entry.value.get(), named.child_path(entry.key->text)}, entry.key->text));
    }
  }
  const ShortForm short_form = find_short_form(top);
  if (short_form.key != nullptr) {
    const std::string subject = in_quotes(short_form.path) + " at top level belongs to the pool 'default', ";
    if (has_default) {
      reader.error(short_form.key->position, subject + "which 'pools' has too; use one form for it");
    } else if (!top["backends"].present()) {
      reader.error(short_form.key->position, subject + "which has no 'backends'");
    }
    pools.push_back(read_pool(reader, top, kDefaultPool));
  } else if (!named.present()) {
    reader.error({}, "no backends: set 'backends' or 'pools'");
  } else if (named.is(NodeKind::kMap) && pools.empty() && named.node->entries.empty()) {
    reader.error(named.position(), "'pools' is empty");
  }
  return pools;
}

}  // namespace drover::config
