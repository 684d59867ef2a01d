// The header names that Drover acts upon. A line's name is classified once, when the line is cut; whoever asks for a
// header later compares a byte.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace drover::http {

// By length, as the table of header_name.cc, which spells them.
enum class HeaderName : std::uint8_t {
  kOther,  // none of these
  kTe,
  kHost,
  kTrailer,
  kUpgrade,
  kForwarded,
  kXRealIp,
  kConnection,
  kKeepAlive,
  kXRequestId,
  kContentLength,
  kHttp2Settings,
  kXForwardedFor,
  kXSessionToken,
  kProxyConnection,
  kXForwardedHost,
  kXForwardedPort,
  kSecWebSocketKey,
  kTransferEncoding,
  kXForwardedProto,
  kProxyAuthenticate,
  kSecWebSocketAccept,
  kSecWebSocketVersion,
  kEndpointLoadMetrics,
  kSecWebSocketProtocol,
  kSecWebSocketExtensions,
  kProxyAuthenticationInfo,
  kXForwardedOther,  // X-Forwarded-* but those above
  kXDrover,          // X-Drover-*
};

struct NameClass {
  // ASCII case-insensitive, RFC 9110 section 5.1.
  HeaderName known = HeaderName::kOther;
  // The same to a server that puts headers into variables, as CGI and its heirs do (HTTP_X_FORWARDED_FOR): '_' and '-'
  // are one letter here.
  HeaderName twin = HeaderName::kOther;
};

NameClass classify(std::string_view name);

class NameSet {
 public:
  constexpr NameSet(std::initializer_list<HeaderName> names) {
    for (const auto name : names) bits_ |= bit(name);
  }
  constexpr bool contains(HeaderName name) const { return (bits_ & bit(name)) != 0; }

 private:
  static constexpr std::uint64_t bit(HeaderName name) { return std::uint64_t{1} << static_cast<unsigned>(name); }

  std::uint64_t bits_ = 0;
};

}  // namespace drover::http
