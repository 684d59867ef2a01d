// A '+' is a plus: names and addresses have no spaces that it could stand for.
#include "admin/query.h"

#include <algorithm>

#include "admin/path_pattern.h"

namespace drover::admin {

namespace {

std::string listed(std::span<const std::string_view> names) {
  std::string list;
  for (const auto name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

// Up to `separator`, which is taken too.
std::string_view take_until(std::string_view& rest, char separator) {
  const auto part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part;
}

}  // namespace

Result<std::vector<std::string>> read_query(std::string_view query, std::span<const std::string_view> names) {
  const auto refuse = [names](std::string_view what) {
    return fail(Code::kBadRequest, Side::kClient, std::string(what) + "; the parameters here are " + listed(names));
  };
  std::vector<std::string> values(names.size());
  std::vector<bool> given(names.size());
  while (!query.empty()) {
    auto written = take_until(query, '&');
    if (written.empty()) continue;
    const auto name = percent_decoded(take_until(written, '='));
    auto value = percent_decoded(written);
    if (!name || !value) return refuse("a '%' in the query has no two hexadecimal digits behind it");
    const auto index = static_cast<std::size_t>(std::ranges::find(names, *name) - names.begin());
    if (index == names.size()) return refuse("the query has an unknown parameter");
    if (given[index]) return refuse("the query has '" + *name + "' twice");
    given[index] = true;
    values[index] = std::move(*value);
  }
  return values;
}

}  // namespace drover::admin
