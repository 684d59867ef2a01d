// The sections that belong to the process as a whole; pools and routes have readers of their own.
#include "config/read_config.h"

#include <algorithm>
#include <array>
#include <thread>

#include "config/read_admin.h"
#include "config/read_migration.h"
#include "config/read_pools.h"
#include "config/read_routes.h"
#include "config/read_tls.h"
#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

constexpr unsigned kMostWorkers = 1024;
constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();
constexpr std::array<std::string_view, 3> kAccessWords = {"stdout", "stderr", "off"};
constexpr std::size_t kMostListeners = 1024;

constexpr std::array kLogLevels = {
    Choice<LogLevel>{"debug", LogLevel::kDebug},
    Choice<LogLevel>{"info", LogLevel::kInfo},
    Choice<LogLevel>{"warn", LogLevel::kWarn},
    Choice<LogLevel>{"error", LogLevel::kError},
};

constexpr std::array kLogFormats = {
    Choice<LogFormat>{"json", LogFormat::kJson},
    Choice<LogFormat>{"text", LogFormat::kText},
};

void read_workers(Reader& reader, const Field& field, Config& config) {
  const auto text = reader.text(field);
  if (!text || *text == "auto") return;
  unsigned workers = 0;
  reader.number(field, 1U, kMostWorkers, workers);
  if (workers == 0) return;
  config.workers = workers;
  const unsigned processors = std::thread::hardware_concurrency();
  if (processors > 0 && workers > processors)
    reader.warn(field.position(), "'workers' is " + std::to_string(workers) + ", more than the " +
                                      std::to_string(processors) + " CPUs that this process may use");
}

void read_health_path(Reader& reader, const Field& field, std::string& out) {
  const auto text = reader.text(field);
  if (!text || text->empty()) return;
  if (auto path = reader.parsed(field, *text, parse_path)) out = *std::move(path);
}

void read_listeners(Reader& reader, const Field& top, Binds& binds, Config& config) {
  const Field short_form = top["listen"];
  const Field long_form = top["listeners"];
  if (short_form.present() && long_form.present())
    reader.error(long_form.position(), "both 'listen' and 'listeners'; use one of them");
  const Field& list = short_form.present() ? short_form : long_form;
  if (!list.present()) return reader.error({}, "no listener: set 'listen' or 'listeners'");
  if (list.is(NodeKind::kList) && list.size() == 0) reader.error(list.position(), "'" + list.path + "' is empty");
  if (list.size() > kMostListeners)
    return reader.error(list.position(), "more than " + std::to_string(kMostListeners) + " listeners");
  const auto add = [&](const Field& bind, const Field& map) {
    Listener listener;
    reader.flag(map["shared"], listener.shared);
    read_health_path(reader, map["health_path"], listener.health_path);
    listener.tls = read_listener_tls(reader, map["tls"]);
    auto endpoint = binds.read(bind);
    if (!endpoint) return;
    listener.bind = *std::move(endpoint);
    config.listeners.push_back(std::move(listener));
  };
  if (short_form.is(NodeKind::kScalar)) add(short_form, {});
  for (std::size_t index = 0; index < short_form.size(); ++index) add(short_form.item(index), {});
  for (std::size_t index = 0; index < long_form.size(); ++index) {
    const Field listener = long_form.item(index);
    add(listener["bind"], listener);
  }
}

void read_trusted_proxies(Reader& reader, const Field& list, std::vector<Network>& out) {
  for (std::size_t index = 0; index < list.size(); ++index) {
    const Field field = list.item(index);
    const auto text = reader.text(field);
    if (!text) continue;
    const auto network = reader.parsed(field, *text, parse_network);
    if (!network) continue;
    if (network->prefix_bits == 0)
      reader.warn(field.position(),
                  "'" + field.path + "' at " + in_quotes(*text) + " trusts every client to name its own address");
    else if (has_host_bits(*network))
      reader.warn(field.position(),
                  "'" + field.path + "' at " + in_quotes(*text) + " has bits set behind its prefix; they are ignored");
    out.push_back(*network);
  }
}

void read_nameservers(Reader& reader, const Field& list, std::vector<Endpoint>& out) {
  for (std::size_t index = 0; index < list.size(); ++index) {
    const Field field = list.item(index);
    const auto text = reader.text(field);
    if (!text) continue;
    if (auto server = reader.parsed(field, *text, parse_nameserver)) out.push_back(*std::move(server));
  }
}

void read_limits(Reader& reader, const Field& map, Limits& limits) {
  reader.number(map["max_connections"], std::uint32_t{0}, kNoLimit, limits.max_connections);
  if (limits.max_connections == 0) limits.max_connections = kNoLimit;
  std::uint64_t head_size = limits.max_head_size;
  reader.size(map["max_head_size"], 256, 1ULL << 20U, head_size);
  limits.max_head_size = static_cast<std::uint32_t>(head_size);
  reader.number(map["max_headers"], std::uint32_t{1}, std::uint32_t{10'000}, limits.max_headers);
  reader.duration(map["head_timeout"], milliseconds(1), limits.head_timeout);
}

void read_shutdown(Reader& reader, const Field& map, Shutdown& shutdown) {
  reader.duration(map["announce"], milliseconds(0), shutdown.announce);
  reader.duration(map["deadline"], milliseconds(1), shutdown.deadline);
  reader.pace(map["pace"], shutdown.pace);
}

void read_log(Reader& reader, const Field& map, Log& log) {
  reader.choice(map["level"], std::span<const Choice<LogLevel>>(kLogLevels), log.level);
  reader.choice(map["format"], std::span<const Choice<LogFormat>>(kLogFormats), log.format);
  const Field access = map["access"];
  const auto text = reader.text(access);
  if (!text) return;
  if (std::ranges::find(kAccessWords, *text) != kAccessWords.end()) {
    log.access = *text;
  } else if (text->find('/') == std::string::npos) {
    reader.error(access.position(), "'" + access.path +
                                        "' must be 'stdout', 'stderr', 'off' or a path with a '/', got " +
                                        in_quotes(*text) + did_you_mean(*text, kAccessWords));
  } else if (auto path = reader.absolute_path(access, *text)) {
    log.access = *std::move(path);
  }
}

}  // namespace

Config read_config(Reader& reader, const Field& top) {
  Config config;
  config.file = reader.file();
  Binds binds(reader);
  read_workers(reader, top["workers"], config);
  read_listeners(reader, top, binds, config);
  read_trusted_proxies(reader, top["trusted_proxies"], config.trusted_proxies);
  read_nameservers(reader, top["nameservers"], config.nameservers);
  reader.duration(top["reload_wait"], milliseconds(0), config.reload_wait);
  config.pools = read_pools(reader, top);
  config.routes = read_routes(reader, top, config.pools);
  read_resume(reader, top["resume"], config.resume);
  read_limits(reader, top["limits"], config.limits);
  read_shutdown(reader, top["shutdown"], config.shutdown);
  read_admin(reader, top["admin"], binds, config.admin);
  read_probes(reader, top["probes"], binds, config.probes);
  read_log(reader, top["log"], config.log);
  return config;
}

}  // namespace drover::config
