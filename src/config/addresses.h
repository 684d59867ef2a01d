// Endpoints, networks, host names, origins and URLs: syntax and comparison. No name is resolved here.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "config/config.h"

namespace drover::config {

// "host:port", ":port", "[::1]:port"; the port may be 0. An IPv6 address needs its brackets.
Result<Endpoint> parse_endpoint(std::string_view text);

// A DNS server: "10.0.0.2", "10.0.0.2:8600", "2001:db8::2", "[2001:db8::2]:8600"; without a port it is 53. No names:
// there would be nobody to resolve them.
Result<Endpoint> parse_nameserver(std::string_view text);

// "10.0.0.0/8", "::1/128", or a bare address. Bits behind the prefix are cleared.
Result<Network> parse_network(std::string_view text);
// Whether `text`, which parse_network took, has bits set behind its prefix ("10.0.0.1/8"): often a slip.
bool has_host_bits(const Network& network);

// A route's host: lower case, without the port, an IPv6 address in brackets as in a Host header.
Result<std::string> parse_host(std::string_view text);

// What a TLS server is asked for, and what its certificate must have: a name in lower case, without a final dot (RFC
// 6066 section 3), or an address in its shortest spelling, an IPv6 one without brackets. No port.
Result<std::string> parse_server_name(std::string_view text);

// "https://chat.example.com", "https://*.example.com:8443" or "null" (RFC 6454 section 7), in the form in which
// browsers send it: lower case, without the port that the scheme implies.
Result<std::string> parse_origin(std::string_view text);

// "wss://chat.example.com/ws?room=7", as it is written: RFC 6455 section 3, so without a fragment, and without user
// info, which browsers refuse. In visible ASCII, and nothing that would need quoting elsewhere.
Result<std::string> parse_websocket_url(std::string_view text);

// The same for two spellings of one endpoint.
std::string canonical(const Endpoint& endpoint);
// Whether both cannot be listened on at once: equal, or one of them covers the other ("0.0.0.0:80", ":80").
bool overlap(const Endpoint& a, const Endpoint& b);
// 127.0.0.0/8, ::1 and "localhost".
bool is_loopback(const Endpoint& endpoint);

}  // namespace drover::config
