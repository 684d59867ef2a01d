// From a configured "host:port" to addresses that this machine can listen on, and that no other process holds.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "net/address.h"

namespace drover::app {

// ":port" is [::], which takes IPv4 too, or 0.0.0.0 on a machine without IPv6; of a name with several addresses those
// that the machine has. Asks for the ports exclusively, because the workers' sockets (SO_REUSEPORT) would share them
// with another Drover without a word, each getting half of the connections. `key` names the setting in errors, which
// say what to do. Blocks on a name. Error: kAddress.
Result<std::vector<net::Address>> listening_addresses(const config::Endpoint& endpoint, std::string_view key);

// 0 where `address` could be listened on now, else the errno that says why not.
int probe_listening(const net::Address& address);

}  // namespace drover::app
