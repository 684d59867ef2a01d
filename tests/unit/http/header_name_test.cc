// Every name that Drover acts upon, spelled here once more: a name that is missing from the table or in the wrong
// place there is a header that is not found, or not dropped.
#include "http/header_name.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace drover::http {
namespace {

struct Spelled {
  std::string_view text;
  HeaderName name;
};
constexpr auto kSpelled = std::to_array<Spelled>({
    {"TE", HeaderName::kTe},
    {"Host", HeaderName::kHost},
    {"Trailer", HeaderName::kTrailer},
    {"Upgrade", HeaderName::kUpgrade},
    {"Forwarded", HeaderName::kForwarded},
    {"X-Real-IP", HeaderName::kXRealIp},
    {"Connection", HeaderName::kConnection},
    {"Keep-Alive", HeaderName::kKeepAlive},
    {"X-Request-ID", HeaderName::kXRequestId},
    {"Content-Length", HeaderName::kContentLength},
    {"HTTP2-Settings", HeaderName::kHttp2Settings},
    {"X-Forwarded-For", HeaderName::kXForwardedFor},
    {"X-Session-Token", HeaderName::kXSessionToken},
    {"Proxy-Connection", HeaderName::kProxyConnection},
    {"X-Forwarded-Host", HeaderName::kXForwardedHost},
    {"X-Forwarded-Port", HeaderName::kXForwardedPort},
    {"Sec-WebSocket-Key", HeaderName::kSecWebSocketKey},
    {"Transfer-Encoding", HeaderName::kTransferEncoding},
    {"X-Forwarded-Proto", HeaderName::kXForwardedProto},
    {"Proxy-Authenticate", HeaderName::kProxyAuthenticate},
    {"Sec-WebSocket-Accept", HeaderName::kSecWebSocketAccept},
    {"Endpoint-Load-Metrics", HeaderName::kEndpointLoadMetrics},
    {"Sec-WebSocket-Version", HeaderName::kSecWebSocketVersion},
    {"Sec-WebSocket-Protocol", HeaderName::kSecWebSocketProtocol},
    {"Sec-WebSocket-Extensions", HeaderName::kSecWebSocketExtensions},
    {"Proxy-Authentication-Info", HeaderName::kProxyAuthenticationInfo},
    {"X-Forwarded-", HeaderName::kXForwardedOther},
    {"X-Forwarded-Prefix", HeaderName::kXForwardedOther},
    {"X-Forwarded-Hosts", HeaderName::kXForwardedOther},
    {"X-Drover-", HeaderName::kXDrover},
    {"X-Drover-Session", HeaderName::kXDrover},
});

std::string in_case(std::string_view text, int (*convert)(int)) {
  std::string converted(text);
  std::ranges::transform(converted, converted.begin(), [convert](char c) { return static_cast<char>(convert(c)); });
  return converted;
}

bool is_family(HeaderName name) {
  return name == HeaderName::kXForwardedOther || name == HeaderName::kXDrover;
}

TEST_CASE("every name is known, in any case") {
  for (int name = 1; name <= static_cast<int>(HeaderName::kXDrover); ++name) {
    CAPTURE(name);
    CHECK(std::ranges::find(kSpelled, static_cast<HeaderName>(name), &Spelled::name) != kSpelled.end());
  }
  for (const auto& [text, name] : kSpelled) {
    CAPTURE(text);
    for (const auto& spelling : {std::string(text), in_case(text, ::tolower), in_case(text, ::toupper)}) {
      CHECK(classify(spelling).known == name);
      CHECK(classify(spelling).twin == name);
    }
  }
}

TEST_CASE("with an underscore for a hyphen it is a twin and not the name itself") {
  for (const auto& [text, name] : kSpelled) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '-') continue;
      std::string twin(text);
      twin[i] = '_';
      CAPTURE(twin);
      CHECK(classify(twin).known == HeaderName::kOther);
      CHECK(classify(twin).twin == name);
    }
  }
}

TEST_CASE("with any other character anywhere it is another name") {
  for (const auto& [text, name] : kSpelled) {
    if (is_family(name)) continue;
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::string other(text);
      for (int byte = 0; byte < 256; ++byte) {
        other[i] = static_cast<char>(byte);
        const bool same = (byte | 0x20) == (text[i] | 0x20) && (std::isalpha(text[i]) != 0 || other[i] == text[i]);
        if (same || (text[i] == '-' && byte == '_')) continue;
        CAPTURE(other);
        CHECK(classify(other).known != name);
        CHECK(classify(other).twin != name);
      }
    }
    CHECK(classify(std::string(text) + "s").twin != name);
    CHECK(classify(text.substr(1)).twin != name);
    CHECK(classify(text.substr(0, text.size() - 1)).twin != name);
  }
}

TEST_CASE("what Drover does not act upon has no name") {
  for (const std::string_view text :
       {"", "x", "Cookie", "Origin", "User-Agent", "Accept-Encoding", "My_Header", "X-Forwarded", "X-Drover",
        "X-Forwarde", "X-Droves-Session", "Sec-WebSocket-Extensions-And-More-Of-Them"}) {
    CAPTURE(text);
    CHECK(classify(text).known == HeaderName::kOther);
    CHECK(classify(text).twin == HeaderName::kOther);
  }
}

TEST_CASE("a set has what was put in and nothing else") {
  constexpr NameSet kSet = {HeaderName::kTe, HeaderName::kXDrover};
  for (int name = 0; name <= static_cast<int>(HeaderName::kXDrover); ++name) {
    const auto one = static_cast<HeaderName>(name);
    CHECK(kSet.contains(one) == (one == HeaderName::kTe || one == HeaderName::kXDrover));
  }
  static_assert(!NameSet{}.contains(HeaderName::kOther));
}

}  // namespace
}  // namespace drover::http
