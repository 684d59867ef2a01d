// Hardly any request has any of it: nothing is copied until something is found.
#include "proxy/reconnection.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace drover::proxy {

namespace {

constexpr std::string_view kTokenParameter = "session_token";
constexpr std::string_view kMigrateParameter = "drover_migrate";
constexpr std::string_view kMigrateEntry = "drover.migrate.v1";
constexpr std::string_view kTokenEntry = "drover.token.";

using Names = std::initializer_list<std::string_view>;

struct Parameter {
  std::string_view name;
  std::string_view value;  // behind '='
};

Parameter split(std::string_view text) {
  const auto equals = std::min(text.find('='), text.size());
  return {text.substr(0, equals), text.substr(std::min(equals + 1, text.size()))};
}

// Calls visit(text) for each part between '&'s, empty ones too.
template <class Visitor>
void for_each_parameter(std::string_view query, Visitor visit) {
  while (true) {
    const auto end = std::min(query.find('&'), query.size());
    visit(query.substr(0, end));
    if (end == query.size()) return;
    query.remove_prefix(end + 1);
  }
}

// All other parameters as they were; none: those are all there are.
std::optional<std::string> without(std::string_view query, Names names) {
  bool found = false;
  std::string rest;
  bool first = true;
  for_each_parameter(query, [&](std::string_view text) {
    if (std::ranges::find(names, split(text).name) != names.end()) {
      found = true;
      return;
    }
    if (!std::exchange(first, false)) rest += '&';
    rest += text;
  });
  return found ? std::optional(std::move(rest)) : std::nullopt;
}

// The tokens of one place in the request.
class Found {
 public:
  void add(std::string_view token) {
    if (token.empty()) return;
    if (!token_.empty()) repeated_ = true;
    token_ = token;
  }
  // Joins what the places before have found.
  void join(Reconnection& so_far) const {
    if (repeated_) so_far.contradiction = "there is more than one resume token";
    if (token_.empty()) return;
    if (so_far.token.empty()) {
      so_far.token = token_;
    } else if (so_far.token != token_) {
      so_far.contradiction = "there is more than one resume token";
    }
  }

 private:
  std::string_view token_;
  bool repeated_ = false;
};

void read_query(const http::RequestHead& request, Reconnection& taken) {
  const auto query = request.query();
  if (!query.contains(kTokenParameter) && !query.contains(kMigrateParameter)) return;
  Found tokens;
  for_each_parameter(query, [&](std::string_view text) {
    const auto [name, value] = split(text);
    if (name == kTokenParameter) tokens.add(value);
    if (name == kMigrateParameter && value == "1") taken.asked = true;
  });
  tokens.join(taken);
  taken.query = without(query, {kTokenParameter, kMigrateParameter});
}

void read_header(const http::RequestHead& request, Reconnection& taken) {
  Found tokens;
  for (std::size_t i = 0; i < request.size(); ++i) {
    if (request.class_at(i).known == http::HeaderName::kXSessionToken) tokens.add(request.at(i).value);
  }
  tokens.join(taken);
}

bool is_drovers(std::string_view entry) {
  return entry == kMigrateEntry || entry.starts_with(kTokenEntry);
}

void read_offer(std::vector<std::string>& offered, Reconnection& taken) {
  if (std::ranges::none_of(offered, is_drovers)) return;
  Found tokens;
  std::string rest;
  for (const std::string_view entry : offered) {
    if (entry == kMigrateEntry) {
      taken.asked = true;
    } else if (entry.starts_with(kTokenEntry)) {
      tokens.add(entry.substr(kTokenEntry.size()));
    } else {
      rest.append(rest.empty() ? "" : ", ").append(entry);
    }
  }
  tokens.join(taken);
  const auto migrate = std::ranges::find(offered, kMigrateEntry);
  if (migrate != offered.end()) {
    taken.subprotocol = *migrate;
  } else if (rest.empty()) {
    taken.subprotocol = offered.front();
  }
  taken.offer = std::move(rest);
  std::erase_if(offered, is_drovers);
}

}  // namespace

Reconnection take_reconnection(const http::RequestHead& request, std::vector<std::string>& offered) {
  Reconnection taken;
  read_query(request, taken);
  read_header(request, taken);
  read_offer(offered, taken);
  return taken;
}

std::string target_without_token(const http::RequestHead& request) {
  std::string target(request.path());
  if (const auto rest = without(request.query(), {kTokenParameter})) return target + (rest->empty() ? "" : "?") + *rest;
  if (request.target().contains('?')) target.append("?").append(request.query());
  return target;
}

}  // namespace drover::proxy
