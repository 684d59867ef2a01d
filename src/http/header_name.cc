// Few names share a length, so that a name is compared with three of them at most.
#include "http/header_name.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace drover::http {
namespace {

// In lower case, in the order of HeaderName.
constexpr auto kNames = std::to_array<std::string_view>({
    "te",
    "host",
    "trailer",
    "upgrade",
    "forwarded",
    "x-real-ip",
    "connection",
    "keep-alive",
    "x-request-id",
    "content-length",
    "http2-settings",
    "x-forwarded-for",
    "x-session-token",
    "proxy-connection",
    "x-forwarded-host",
    "x-forwarded-port",
    "sec-websocket-key",
    "transfer-encoding",
    "x-forwarded-proto",
    "proxy-authenticate",
    "sec-websocket-accept",
    "sec-websocket-version",
    "endpoint-load-metrics",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "proxy-authentication-info",
});
static_assert(std::ranges::is_sorted(kNames, {}, &std::string_view::size));
static_assert(kNames.size() == static_cast<std::size_t>(HeaderName::kProxyAuthenticationInfo));

constexpr std::string_view kXForwardedPrefix = "x-forwarded-";
constexpr std::string_view kXDroverPrefix = "x-drover-";

constexpr HeaderName name_at(std::size_t index) {
  return static_cast<HeaderName>(index + 1);
}

// kFirst[n] is the first name of at least n bytes.
constexpr auto kFirst = [] {
  std::array<std::uint8_t, kNames.back().size() + 2> first{};
  for (std::size_t length = 0; length < first.size(); ++length) {
    const auto found = std::ranges::lower_bound(kNames, length, {}, &std::string_view::size);
    first[length] = static_cast<std::uint8_t>(found - kNames.begin());
  }
  return first;
}();

constexpr auto kFolded = [] {
  std::array<char, 256> folded{};
  for (std::size_t byte = 0; byte < folded.size(); ++byte) {
    const auto c = static_cast<char>(byte);
    folded[byte] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c == '_' ? '-' : c;
  }
  return folded;
}();

bool starts_as_twin(std::string_view name, std::string_view prefix) {
  if (name.size() < prefix.size()) return false;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    if (kFolded[static_cast<unsigned char>(name[i])] != prefix[i]) return false;
  }
  return true;
}

HeaderName twin_of(std::string_view name) {
  if (name.size() + 1 < kFirst.size()) {
    for (std::size_t i = kFirst[name.size()]; i < kFirst[name.size() + 1]; ++i) {
      if (starts_as_twin(name, kNames[i])) return name_at(i);
    }
  }
  if (starts_as_twin(name, kXForwardedPrefix)) return HeaderName::kXForwardedOther;
  return starts_as_twin(name, kXDroverPrefix) ? HeaderName::kXDrover : HeaderName::kOther;
}

}  // namespace

NameClass classify(std::string_view name) {
  const auto twin = twin_of(name);
  // No known name has an underscore.
  const bool only_twin = twin != HeaderName::kOther && name.contains('_');
  return {only_twin ? HeaderName::kOther : twin, twin};
}

}  // namespace drover::http
