// Every rule names the section of the RFC that it comes from; where it is stricter than that, the comment says why.
#include "http/strictness.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include "http/char_set.h"

namespace drover::http {
namespace {

constexpr std::size_t kMaxMethod = 24;  // the longest registered one, UPDATEREDIRECTREF, has 17
constexpr std::string_view kVersionPrefix = "HTTP/1.";
constexpr std::size_t kVersionSize = kVersionPrefix.size() + 1;
constexpr std::size_t kStatusSize = 3;
// Of the URLs that can reach a WebSocket or an HTTP server.
constexpr std::array<std::string_view, 4> kSchemes = {"http", "https", "ws", "wss"};

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// unreserved, pct-encoded and sub-delims of RFC 3986 section 3.2.2, without the comma; in brackets with the colon.
constexpr CharSet kHostChars("-._~%!$&'()*+;=");
constexpr CharSet kAddressChars("-._~%!$&'()*+;=:");

std::unexpected<Error> bad(std::string detail) {
  return fail(Code::kBadRequest, Side::kClient, std::move(detail));
}

// "HTTP/1.0" and "HTTP/1.1" and nothing else. -1: another version, or none.
int minor_version_of(std::string_view version) {
  if (version.size() != kVersionSize || !version.starts_with(kVersionPrefix)) return -1;
  const char minor = version.back();
  return minor == '0' || minor == '1' ? minor - '0' : -1;
}

// The authority of an absolute-form target; empty: another form or another scheme.
std::string_view authority_of(std::string_view target) {
  const auto colon = target.find("://");
  if (colon == std::string_view::npos) return {};
  const auto scheme = target.substr(0, colon);
  if (std::ranges::none_of(kSchemes, [&](std::string_view known) { return same_name(known, scheme); })) return {};
  const auto rest = target.substr(colon + 3);
  return rest.substr(0, rest.find_first_of("/?"));
}

Result<void> check_target(const RequestHead& head, std::string_view host) {
  const auto target = head.target();
  if (target.starts_with('/')) return {};
  if (target == "*") {
    if (head.method() == "OPTIONS") return {};
    return bad("the target '*' goes with OPTIONS only");  // RFC 9112 section 3.2.4
  }
  const auto authority = authority_of(target);
  if (authority.empty()) return bad("the target is neither a path nor an http or ws URL");
  // RFC 9112 section 3.2.2 lets the target win; a difference is an attempt on somebody's routing.
  if (!same_name(authority, host)) return bad("the target's authority and Host disagree");
  return {};
}

}  // namespace

bool has_control(std::string_view line) {
  std::uint8_t found = 0;
  for (const char c : line) {  // no early exit and nothing wider than a byte, so that it is vectorized well
    const auto byte = static_cast<std::uint8_t>(c);
    const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
    found |= control ? 1 : 0;
  }
  return found != 0;
}

Result<void> check_request_line_start(std::string_view so_far, std::size_t max_target) {
  const auto method = so_far.substr(0, std::min(so_far.find(' '), kMaxMethod + 1));
  if (!kTokenChars.contains_all(method)) return bad("the request does not start with a method");
  if (method.size() > kMaxMethod) return bad("the method is too long");
  if (method.size() == so_far.size()) return {};
  if (method.empty()) return bad("the request line starts with a space");
  if (method == "CONNECT") return fail(Code::kMethodNotAllowed, Side::kClient, "CONNECT is not served");
  const auto rest = so_far.substr(method.size() + 1);
  if (std::min(rest.find(' '), rest.size()) > max_target)
    return fail(Code::kTargetTooLong, Side::kClient, "the target is over " + std::to_string(max_target) + " bytes");
  return {};
}

Result<RequestLine> read_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return bad("the request line is not method, target and HTTP version");
  const auto minor = minor_version_of(line.substr(second + 1));
  if (minor < 0) return bad("the request line does not end with HTTP/1.1 or HTTP/1.0");
  const auto target = line.substr(first + 1, second - first - 1);
  // RFC 9112 section 3.2 has no fragment; what follows one would be path to us and nothing to a backend.
  if (target.contains('#')) return bad("the target holds a fragment ('#')");
  return RequestLine{line.substr(0, first), target, static_cast<unsigned>(minor)};
}

Result<void> check_status_line_start(std::string_view so_far) {
  const auto length = std::min(so_far.size(), kVersionPrefix.size());
  if (so_far.substr(0, length) != kVersionPrefix.substr(0, length)) return bad("the answer does not start with HTTP/1");
  return {};
}

Result<StatusLine> read_status_line(std::string_view line) {
  const auto minor = minor_version_of(line.substr(0, kVersionSize));
  if (minor < 0) return bad("the status line does not start with HTTP/1.1 or HTTP/1.0");
  const auto code = line.substr(kVersionSize, 1 + kStatusSize);
  // RFC 9110 section 15: three digits, 100 to 599.
  if (code.size() != 1 + kStatusSize || code[0] != ' ' || code[1] < '1' || code[1] > '5' || !is_digit(code[2]) ||
      !is_digit(code[3]))
    return bad("the status line has no status from 100 to 599");
  auto reason = line.substr(kVersionSize + code.size());
  // RFC 9112 section 4 wants the space even before an empty reason; many servers leave out both, and nothing
  // depends on it.
  if (!reason.empty() && reason[0] != ' ') return bad("the status is not three digits");
  reason.remove_prefix(std::min<std::size_t>(reason.size(), 1));
  unsigned status = 0;
  std::from_chars(code.data() + 1, code.data() + code.size(), status);
  if (status < 200 && minor == 0) return bad("an HTTP/1.0 answer has no status 1xx");  // RFC 9110 section 15.2
  return StatusLine{status, reason, static_cast<unsigned>(minor)};
}

Result<Header> read_header_line(std::string_view line, std::size_t number) {
  const auto broken = [number](std::string_view what) {
    return bad("header line " + std::to_string(number) + std::string(what));
  };
  // RFC 9112 section 5.2: obs-fold must be refused or replaced; replacing hides who wrote it.
  if (line[0] == ' ' || line[0] == '\t') return broken(" starts with white space (a folded header)");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return broken(" has no colon");
  if (colon == 0) return broken(" has no name");
  // RFC 9112 section 5.1: the classic of request smuggling.
  if (line[colon - 1] == ' ' || line[colon - 1] == '\t') return broken(" has white space before its colon");
  return Result<Header>(std::in_place, line.substr(0, colon), trimmed(line.substr(colon + 1)));
}

bool is_host(std::string_view value) {
  std::size_t port = 0;
  if (value.starts_with('[')) {
    const auto bracket = value.find(']');
    if (bracket == std::string_view::npos || bracket == 1) return false;
    if (!kAddressChars.contains_all(value.substr(1, bracket - 1))) return false;
    port = bracket + 1;
  } else {
    port = std::min(value.find(':'), value.size());
    if (port == 0 || !kHostChars.contains_all(value.substr(0, port))) return false;
  }
  if (port == value.size()) return true;
  return value[port] == ':' && std::ranges::all_of(value.substr(port + 1), is_digit);
}

Result<void> check_addressing(const RequestHead& head) {
  // RFC 9112 section 3.2 asks for it in HTTP/1.1; in HTTP/1.0 too nothing could be routed without it.
  const auto hosts = head.count(HeaderName::kHost);
  if (hosts == 0) return bad("there is no Host header");
  if (hosts > 1) return bad("there are several Host headers");
  if (!is_host(head.host())) return bad("Host is not a name or an address with an optional port");
  return check_target(head, head.host());
}

Result<BodyFraming> read_framing(const HeaderList& head, unsigned minor_version) {
  const auto encodings = head.count(HeaderName::kTransferEncoding);
  const auto lengths = head.count(HeaderName::kContentLength);
  if (encodings + lengths == 0) return BodyFraming{};
  if (encodings > 0 && lengths > 0) return bad("there are both Content-Length and Transfer-Encoding");
  if (encodings > 0) {
    // RFC 9112 section 6.1: HTTP/1.0 has no transfer codings; others than chunked may be refused.
    if (minor_version == 0) return bad("there is a Transfer-Encoding in HTTP/1.0");
    if (encodings > 1 || !same_name(head.find(HeaderName::kTransferEncoding).value_or(""), "chunked"))
      return bad("Transfer-Encoding is not just 'chunked'");
    return BodyFraming{Framing::kChunked, 0};
  }
  if (lengths > 1) return bad("there are several Content-Length headers");
  const auto value = head.find(HeaderName::kContentLength).value_or("");
  const auto* end = std::to_address(value.end());
  std::uint64_t length = 0;
  const auto parsed = std::from_chars(std::to_address(value.begin()), end, length);  // no sign for unsigned types
  if (parsed.ec != std::errc() || parsed.ptr != end) return bad("Content-Length is not a number of bytes");
  return BodyFraming{Framing::kLength, length};
}

}  // namespace drover::http
