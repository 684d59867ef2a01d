// Addresses are checked with inet_pton, names by RFC 1123 section 2.1 (and '_', which container names have).
#include "config/addresses.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

using Address = std::array<std::uint8_t, 16>;

constexpr std::uint16_t kDnsPort = 53;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool parse_ip(int family, std::string_view text, Address& bytes) {
  // inet_pton reads up to a NUL, which `text` cannot hold: a file with one is refused before.
  return inet_pton(family, std::string(text).c_str(), bytes.data()) == 1;
}

bool is_ipv4(std::string_view text) {
  Address bytes{};
  return parse_ip(AF_INET, text, bytes);
}

bool is_ipv6(std::string_view text) {
  Address bytes{};
  return parse_ip(AF_INET6, text, bytes);
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    const bool plain = std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
    if (label.empty() || label.size() > 63 || !plain || label.front() == '-' || label.back() == '-') return false;
    // A last label of digits is an IPv4 address or a typing error in one, never a name.
    if (dot == std::string_view::npos) return !std::ranges::all_of(label, is_digit);
    text.remove_prefix(dot + 1);
  }
}

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number > 65'535) return invalid("expected a port from 0 to 65535, got " + in_quotes(text));
  return static_cast<std::uint16_t>(*number);
}

struct HostAndPort {
  std::string_view host;  // without brackets
  std::string_view port;
  bool bracketed = false;
  bool has_port = false;
};

Result<HostAndPort> split(std::string_view text) {
  HostAndPort parts;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return invalid(in_quotes(text) + " has '[' without ']'");
    parts.host = text.substr(1, end - 1);
    parts.bracketed = true;
    rest = text.substr(end + 1);
  } else {
    if (std::ranges::count(text, ':') > 1)
      return invalid(in_quotes(text) + " is not 'host:port' (an IPv6 address goes in brackets: '[::1]:8080')");
    const std::size_t colon = std::min(text.find(':'), text.size());
    parts.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (rest.empty()) return parts;
  if (rest.front() != ':') return invalid(in_quotes(text) + " is not 'host:port'");
  parts.port = rest.substr(1);
  parts.has_port = true;
  return parts;
}

Result<void> check_host(const HostAndPort& parts) {
  if (parts.bracketed && !is_ipv6(parts.host)) return invalid(in_quotes(parts.host) + " is not an IPv6 address");
  if (!parts.bracketed && !is_ipv4(parts.host) && !is_host_name(parts.host))
    return invalid(in_quotes(parts.host) + " is neither a host name nor an IPv4 address");
  return {};
}

// An address in its shortest spelling, a name in lower case.
std::string canonical_host(std::string_view host) {
  Address bytes{};
  if (!parse_ip(AF_INET6, host, bytes)) return lower(host);
  std::array<char, INET6_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
}

// Whether listening on `host` takes all addresses, or all of the family of `other`.
bool covers(std::string_view host, std::string_view other) {
  return host.empty() || host == other || (host == "0.0.0.0" && is_ipv4(other)) || (host == "::" && is_ipv6(other));
}

// Clears the bits behind the prefix.
Address masked(const Address& bytes, unsigned prefix_bits) {
  Address result = bytes;
  for (unsigned bit = prefix_bits; bit < 128; ++bit)
    result[bit / 8] = static_cast<std::uint8_t>(result[bit / 8] & ~(0x80U >> (bit % 8)));
  return result;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.find("://") != std::string_view::npos)
    return invalid(in_quotes(text) + " is a URL; expected 'host:port', without scheme and path");
  auto parts = split(text);
  if (!parts) return std::unexpected(parts.error());
  if (!parts->has_port) return invalid(in_quotes(text) + " has no port; expected 'host:port' or ':port'");
  const auto port = parse_port(parts->port);
  if (!port) return std::unexpected(port.error());
  if (parts->bracketed || !parts->host.empty())
    if (auto host = check_host(*parts); !host) return std::unexpected(host.error());
  return Endpoint{std::string(parts->host), *port, std::string(text)};
}

Result<Endpoint> parse_nameserver(std::string_view text) {
  if (is_ipv6(text)) return Endpoint{std::string(text), kDnsPort, std::string(text)};
  const auto parts = split(text);
  if (!parts || !(parts->bracketed ? is_ipv6(parts->host) : is_ipv4(parts->host)))
    return invalid("expected the address of a DNS server, such as '10.0.0.2', '127.0.0.1:8600' or '[::1]:53', got " +
                   in_quotes(text));
  Endpoint server{std::string(parts->host), kDnsPort, std::string(text)};
  if (!parts->has_port) return server;
  const auto port = parse_port(parts->port);
  if (!port) return std::unexpected(port.error());
  if (*port == 0) return invalid(in_quotes(text) + " has port 0");
  server.port = *port;
  return server;
}

Result<Network> parse_network(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view address = text.substr(0, slash);
  Address bytes{};
  Network network{.text = std::string(text)};
  if (parse_ip(AF_INET6, address, bytes)) {
    network.ipv6 = true;
  } else if (!parse_ip(AF_INET, address, bytes)) {
    return invalid("expected a network such as '10.0.0.0/8' or '2001:db8::/32', got " + in_quotes(text));
  }
  network.prefix_bits = network.ipv6 ? 128 : 32;
  if (slash < text.size()) {
    const auto bits = parse_number(text.substr(slash + 1));
    if (!bits || *bits > network.prefix_bits)
      return invalid("expected a prefix length from 0 to " + std::to_string(network.prefix_bits) + " in " +
                     in_quotes(text));
    network.prefix_bits = static_cast<unsigned>(*bits);
  }
  const Address kept = masked(bytes, network.prefix_bits);
  std::memcpy(network.bytes, kept.data(), kept.size());
  return network;
}

bool has_host_bits(const Network& network) {
  Address bytes{};
  const std::string_view address = std::string_view(network.text).substr(0, network.text.find('/'));
  parse_ip(network.ipv6 ? AF_INET6 : AF_INET, address, bytes);
  return std::memcmp(bytes.data(), network.bytes, bytes.size()) != 0;
}

Result<std::string> parse_host(std::string_view text) {
  auto parts = split(text);
  if (!parts) return std::unexpected(parts.error());
  if (parts->has_port)
    if (auto port = parse_port(parts->port); !port) return std::unexpected(port.error());
  if (!parts->bracketed && parts->host.size() > 1 && parts->host.ends_with('.')) parts->host.remove_suffix(1);
  if (auto host = check_host(*parts); !host) return std::unexpected(host.error());
  return parts->bracketed ? "[" + canonical_host(parts->host) + "]" : lower(parts->host);
}

Result<std::string> parse_server_name(std::string_view text) {
  const bool absolute = text.size() > 1 && text.ends_with('.');
  const std::string_view name = absolute ? text.substr(0, text.size() - 1) : text;
  if (is_ipv6(text) || is_ipv4(text) || is_host_name(name)) return canonical_host(name);
  return invalid(
      "expected a host name such as 'chat.example.com' or an address such as '10.0.1.10' or '::1', "
      "without scheme, port and brackets, got " +
      in_quotes(text));
}

Result<std::string> parse_origin(std::string_view text) {
  if (text == "null") return std::string(text);
  const auto refuse = [&] {
    return invalid("expected an origin such as 'https://chat.example.com' or 'https://*.example.com', got " +
                   in_quotes(text));
  };
  const std::size_t separator = text.find("://");
  if (separator == std::string_view::npos) return refuse();
  const std::string scheme = lower(text.substr(0, separator));
  const bool letters =
      std::ranges::all_of(scheme, [](char c) { return is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; });
  if (scheme.empty() || is_digit(scheme.front()) || !is_alphanumeric(scheme.front()) || !letters) return refuse();

  std::string_view authority = text.substr(separator + 3);
  std::string wildcard;
  if (authority.starts_with("*.")) {
    wildcard = "*.";
    authority.remove_prefix(2);
  }
  const auto parts = split(authority);
  const auto host = parse_host(authority);
  if (!parts || !host || (!wildcard.empty() && parts->bracketed)) return refuse();
  const bool implied = (scheme == "https" && parts->port == "443") || (scheme == "http" && parts->port == "80");
  const std::string port = parts->has_port && !implied ? ":" + std::string(parts->port) : "";
  return scheme + "://" + wildcard + *host + port;
}

Result<std::string> parse_websocket_url(std::string_view text) {
  const auto refuse = [&](std::string_view what) {
    return invalid("expected a URL such as 'wss://chat.example.com/ws', " + std::string(what) + ", got " +
                   in_quotes(text));
  };
  // Some parsers take a backslash for a slash, and so another host for the one that is meant.
  const auto may_stand = [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '\'' && c != '\\'; };
  if (!std::ranges::all_of(text, may_stand))
    return refuse("in visible ASCII without spaces, quotes and backslashes (percent-encode others)");
  const std::size_t scheme = text.starts_with("ws://") ? 5 : text.starts_with("wss://") ? 6 : 0;
  if (scheme == 0) return refuse("with 'ws://' or 'wss://'");
  if (text.find('#') != std::string_view::npos) return refuse("without a fragment");
  const std::string_view rest = text.substr(scheme);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != std::string_view::npos) return refuse("without user and password");
  if (const auto host = parse_host(authority); !host) return std::unexpected(host.error());
  return std::string(text);
}

std::string canonical(const Endpoint& endpoint) {
  return "[" + canonical_host(endpoint.host) + "]:" + std::to_string(endpoint.port);
}

bool overlap(const Endpoint& a, const Endpoint& b) {
  if (a.port != b.port || a.port == 0) return false;  // 0: whichever port is free
  const std::string first = canonical_host(a.host);
  const std::string second = canonical_host(b.host);
  return covers(first, second) || covers(second, first);
}

bool is_loopback(const Endpoint& endpoint) {
  const std::string host = canonical_host(endpoint.host);
  return host == "localhost" || host == "::1" || (is_ipv4(host) && host.starts_with("127."));
}

}  // namespace drover::config
