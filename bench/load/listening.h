// What the servers of the bench have in common: "HOST:PORT" on the command line, and saying where they listen.
#pragma once

#include <string>

#include "net/address.h"

namespace drover::bench {

// A numeric "HOST:PORT" ("[::1]:80" for IPv6); error kAddress.
Result<net::Address> parse_address(const std::string& text);

// "listening HOST:PORT" on stdout, at once: whoever started the program waits for it.
void say_listening(const net::Address& address);

// Says it on stderr and ends the program with 1.
[[noreturn]] void die(const std::string& what);

}  // namespace drover::bench
