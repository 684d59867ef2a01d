// A headline, the ceilings, the backends.
#include "app/ctl_status.h"

#include <optional>
#include <utility>
#include <vector>

#include "app/ctl_drains.h"
#include "app/ctl_figures.h"

namespace drover::app {

namespace {

using Count = std::optional<std::uint64_t>;
using Align = Table::Align;

constexpr const char* kUnknown = "-";
constexpr double kNear = 0.9;  // of a ceiling; /health has the same opinion

template <class Value, class Format>
std::string shown(const std::optional<Value>& value, Format format) {
  return value ? format(*value) : kUnknown;
}

std::string count(const Count& value) {
  return shown(value, count_text);
}

std::string exact(std::uint64_t value) {
  return std::to_string(value);
}

std::string age(const Count& milliseconds) {
  return shown(milliseconds, [](auto value) { return age_text(Milliseconds(value)); });
}

void add_ceiling(Table& table, const char* name, const Ceiling& ceiling, const std::string& remark = {}) {
  if (!ceiling.used || !ceiling.limit) {
    table.add({{name}, {shown(ceiling.used, exact)}, {shown(ceiling.limit, exact)}, {kUnknown}, {remark}});
    return;
  }
  const double share = static_cast<double>(*ceiling.used) / static_cast<double>(*ceiling.limit);
  const Tone tone = share >= 1 ? Tone::kBad : share >= kNear ? Tone::kWarning : Tone::kPlain;
  table.add({{name}, {exact(*ceiling.used)}, {exact(*ceiling.limit)}, {percent_text(share), tone}, {remark}});
}

// What has no limit of its own.
void add_amount(Table& table, const char* name, const std::string& amount, Tone tone = Tone::kPlain) {
  table.add({{name}, {amount, tone}, {kUnknown}, {kUnknown}, {}});
}

// Of all listeners, the one that expires first.
void add_certificate(Table& table, std::int64_t days, const std::string& file) {
  constexpr std::int64_t kSoon = 14;  // the log warns from then on
  const Tone tone = days < 0 ? Tone::kBad : days < kSoon ? Tone::kWarning : Tone::kPlain;
  const std::string text = days < 0 ? "expired" : std::to_string(days) + " days";
  table.add({{"certificate"}, {text, tone}, {kUnknown}, {kUnknown}, {printable(file)}});
}

Table ceilings(const HealthAnswer& health) {
  Table table({{"CEILING"}, {"USED", Align::kRight}, {"LIMIT", Align::kRight}, {"PERCENT", Align::kRight}, {""}});
  add_ceiling(table, "connections", health.connections);
  add_ceiling(table, "descriptors", health.descriptors);
  const bool some = health.ports.used.value_or(0) > 0;
  add_ceiling(table, "ports", health.ports, some ? "to " + printable(health.ports_backend) : "");
  add_amount(table, "memory", shown(health.resident_bytes, bytes_text));
  add_amount(table, "buffered", shown(health.buffered_bytes, bytes_text));
  add_amount(table, "log lines dropped", shown(health.log_lines_dropped, exact),
             health.log_lines_dropped.value_or(0) > 0 ? Tone::kWarning : Tone::kPlain);
  if (health.certificate_days) add_certificate(table, *health.certificate_days, health.certificate_file);
  return table;
}

std::string weight_text(const BackendAnswer& backend) {
  const auto weight = shown(backend.weight, exact);
  return backend.weight_percent ? weight + " (" + exact(*backend.weight_percent) + " %)" : weight;
}

std::string active_text(const BackendAnswer& backend) {
  const auto active = shown(backend.active, exact);
  return backend.max_connections.value_or(0) > 0 ? active + "/" + exact(*backend.max_connections) : active;
}

std::string latency_text(double milliseconds) {
  return number_text(milliseconds) + " ms";
}

Table backends_table(const std::vector<PoolAnswer>& pools) {
  Table table({{"POOL"},
               {"BACKEND"},
               {"ADDRESS"},
               {"STATE"},
               {"WEIGHT", Align::kRight},
               {"ACTIVE", Align::kRight},
               {"SCORE", Align::kRight},
               {"LATENCY", Align::kRight},
               {"CPU", Align::kRight},
               {"MEMORY", Align::kRight},
               {"AGE", Align::kRight},
               {"SESSIONS", Align::kRight},
               {"FAILURES", Align::kRight}});
  for (const auto& pool : pools) {
    for (const auto& backend : pool.backends) {
      table.add({{printable(pool.name)},
                 {printable(backend.name)},
                 {printable(backend.address)},
                 state_cell(backend),
                 {weight_text(backend)},
                 {active_text(backend)},
                 {shown(backend.score, number_text)},
                 {shown(backend.latency_ms, latency_text)},
                 {shown(backend.cpu, percent_text)},
                 {shown(backend.memory, percent_text)},
                 {age(backend.load_age_ms)},
                 {count(backend.sessions)},
                 {count(backend.failures)}});
    }
  }
  return table;
}

std::string headline(std::string_view place, const HealthAnswer& health) {
  std::string line = "drover " + printable(health.version) + " at ";
  line.append(place);
  if (health.uptime_seconds) {
    line.append(", up ").append(age_text(std::chrono::seconds(static_cast<std::int64_t>(*health.uptime_seconds))));
  }
  return line + "\n";
}

std::string readiness(const std::string& obstacle, const Screen& screen) {
  if (obstacle.empty()) return toned("ready", Tone::kGood, screen) + "\n";
  return toned("not ready", Tone::kBad, screen) + ": " + printable(obstacle) + "\n";
}

// A line for each that goes on.
std::string drains_lines(const DrainsAnswer& answer, const Screen& screen) {
  std::string text;
  if (answer.frozen) text.append(toned("frozen", Tone::kWarning, screen)).append(": no drain moves a session\n");
  for (const auto& drain : answer.drains) {
    if (!has_ended(drain)) text.append("drain ").append(printable(drain.id)).append(" of ").append(drain_text(drain));
  }
  return text;
}

std::string_view trimmed(std::string_view body) {
  return body.substr(0, body.find_last_not_of(" \r\n\t") + 1);
}

}  // namespace

Cell state_cell(const BackendAnswer& backend) {
  std::vector<Cell> words;
  if (backend.leaving) words.push_back({"leaving", Tone::kWarning});
  if (backend.operator_state != "ready") words.push_back({printable(backend.operator_state), Tone::kWarning});
  if (backend.probe != "up") {
    words.push_back({printable(backend.probe), backend.probe == "down" ? Tone::kBad : Tone::kWarning});
  }
  if (backend.ejected) words.push_back({"ejected", Tone::kBad});
  if (backend.max_connections.value_or(0) > 0 && backend.active >= backend.max_connections) {
    words.push_back({"full", Tone::kWarning});
  }
  if (words.empty()) return {"up", Tone::kGood};
  Cell cell = words.front();
  if (words.size() > 1) cell.text.append(", ").append(words[1].text);
  return cell;
}

std::string status_screen(std::string_view place, const StatusBodies& bodies, const Screen& screen) {
  const auto health = read_health(bodies.health);
  std::string text = headline(place, health) + readiness(read_obstacle(bodies.ready), screen);
  text.append(drains_lines(read_drains(bodies.drains), screen));
  text.append("\n").append(ceilings(health).text(screen)).append("\n");
  const auto pools = read_backends(bodies.backends);
  for (const auto& pool : pools) {
    if (!pool.panic) continue;
    text.append("pool " + printable(pool.name) + ": ").append(toned("panic", Tone::kBad, screen));
    text.append(", too few are healthy, so sessions go to all of them\n");
  }
  return text.append(backends_table(pools).text(screen));
}

std::string status_json(const StatusBodies& bodies) {
  std::string text = R"({"health":)";
  text.append(trimmed(bodies.health)).append(R"(,"ready":)").append(trimmed(bodies.ready));
  text.append(R"(,"backends":)").append(trimmed(bodies.backends));
  if (!bodies.drains.empty()) text.append(R"(,"drains":)").append(trimmed(bodies.drains));
  return text.append("}\n");
}

}  // namespace drover::app
