// Routes one by one, then against those before them.
#include "config/read_routes.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "config/read_pools.h"
#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

constexpr std::size_t kMostRoutes = 10'000;  // they are searched in order

std::string route_name(const RouteMatch& match) {
  const std::string name = match.host.value_or("") + match.path.value_or("");
  return name.empty() ? "*" : name;
}

Route read_route(Reader& reader, const Field& map) {
  Route route;
  const Field match = map["match"];
  if (const auto host = reader.text(match["host"])) route.match.host = reader.parsed(match["host"], *host, parse_host);
  if (const auto path = reader.text(match["path"])) route.match.path = reader.parsed(match["path"], *path, parse_path);
  if (match["websocket"].present()) reader.flag(match["websocket"], route.match.websocket.emplace());
  route.name = route_name(route.match);
  route.pool = reader.text(map["pool"]).value_or("");
  reader.flag(map["strip_prefix"], route.strip_prefix);
  if (route.strip_prefix && !match["path"].present())
    reader.error(map["strip_prefix"].position(), "'" + map["strip_prefix"].path + "' needs a 'match.path' to strip");
  const Field origins = map["allowed_origins"];
  for (std::size_t index = 0; index < origins.size(); ++index) {
    const auto text = reader.text(origins.item(index));
    if (!text) continue;
    if (auto origin = reader.parsed(origins.item(index), *text, parse_origin))
      route.allowed_origins.push_back(*std::move(origin));
  }
  return route;
}

bool covers_path(const std::optional<std::string>& general, const std::optional<std::string>& special) {
  if (!general) return true;
  if (!special || !special->starts_with(*general)) return false;
  return special->size() == general->size() || general->ends_with('/') || (*special)[general->size()] == '/';
}

// Whether `first` takes everything that `second` matches.
bool shadows(const RouteMatch& first, const RouteMatch& second) {
  return (!first.host || first.host == second.host) && covers_path(first.path, second.path) &&
         (!first.websocket || first.websocket == second.websocket);
}

void warn_of_shadowed(Reader& reader, const Field& list, std::span<const Route> routes) {
  for (std::size_t later = 1; later < routes.size(); ++later) {
    const auto before = routes.first(later);
    const auto found =
        std::ranges::find_if(before, [&](const Route& route) { return shadows(route.match, routes[later].match); });
    if (found == before.end()) continue;
    const auto index = static_cast<std::size_t>(found - before.begin());
    reader.warn(list.item(later).position(), "'" + list.item(later).path + "' is never reached: '" +
                                                 list.item(index).path + "' takes all that it matches");
  }
}

class PoolNames {
 public:
  explicit PoolNames(std::span<const Pool> pools) {
    for (const Pool& pool : pools) names_.push_back(pool.name);
    known_.insert(names_.begin(), names_.end());
  }
  bool has(std::string_view name) const { return known_.contains(name); }
  const std::vector<std::string_view>& all() const { return names_; }

 private:
  std::vector<std::string_view> names_;
  std::unordered_set<std::string_view> known_;
};

void check_pools(Reader& reader, const Field& list, std::span<const Route> routes, const PoolNames& pools) {
  for (std::size_t index = 0; index < routes.size(); ++index) {
    const Field field = list.item(index)["pool"];
    if (field.is(NodeKind::kScalar) && !pools.has(routes[index].pool))
      reader.error(field.position(), "'" + field.path + "': no pool " + in_quotes(routes[index].pool) +
                                         did_you_mean(routes[index].pool, pools.all()));
  }
}

void warn_of_unused(Reader& reader, const Field& top, std::span<const Route> routes, const PoolNames& pools) {
  std::unordered_set<std::string_view> used;
  for (const Route& route : routes) used.insert(route.pool);
  for (const std::string_view name : pools.all()) {
    if (used.contains(name)) continue;
    const Field named = top["pools"][name];
    reader.warn((named.present() ? named : top["backends"]).position(),
                "no route leads to the pool " + in_quotes(name));
  }
}

}  // namespace

std::vector<Route> read_routes(Reader& reader, const Field& top, std::span<const Pool> pools) {
  const Field list = top["routes"];
  const PoolNames names(pools);
  std::vector<Route> routes;
  if (list.size() > kMostRoutes) {
    reader.error(list.position(), "'routes' has more than " + std::to_string(kMostRoutes) + " routes");
    return routes;
  }
  for (std::size_t index = 0; index < list.size(); ++index) routes.push_back(read_route(reader, list.item(index)));
  if (routes.empty()) {
    if (!list.present() || list.is(NodeKind::kList))
      if (!pools.empty() && !names.has(kDefaultPool))
        reader.error(list.position(), "no 'routes', and no pool 'default' to send everything to");
    Route& everything = routes.emplace_back();
    everything.name = "*";
    everything.pool = kDefaultPool;
    return routes;
  }
  check_pools(reader, list, routes, names);
  if (reader.failed()) return routes;  // what could not be read would be warned of for the wrong reason
  warn_of_unused(reader, top, routes, names);
  warn_of_shadowed(reader, list, routes);
  return routes;
}

}  // namespace drover::config
