// Addresses in and out.
#include "bench/load/listening.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace drover::bench {

Result<net::Address> parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  const std::string wrong = "'" + text + "' is not HOST:PORT with a numeric host";
  if (colon == std::string::npos) return fail(Code::kAddress, Side::kDrover, wrong);
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, port);
  if (read.ec != std::errc() || read.ptr != end) return fail(Code::kAddress, Side::kDrover, wrong);
  return net::Address::from_literal(host, port);
}

void say_listening(const net::Address& address) {
  std::printf("listening %s\n", address.text().c_str());
  std::fflush(stdout);
}

void die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

}  // namespace drover::bench
