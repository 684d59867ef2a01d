// From a configured "host:port" to addresses that this machine can listen on, and that no other process holds, or
// that it shares.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "net/address.h"

namespace drover::app {

// Whether other processes may listen on the same port. The kernel lets those that belong to the same user and have set
// SO_REUSEPORT too; it spreads new connections over all of their sockets.
enum class Sharing : std::uint8_t { kExclusive, kShared };

// ":port" is [::], which takes IPv4 too, or 0.0.0.0 on a machine without IPv6; of a name with several addresses those
// that the machine has. The workers' sockets always have SO_REUSEPORT, and would share a port with another Drover
// without a word: kExclusive asks for it without. `key` names the setting in errors, which say what to do. Blocks on a
// name. Error: kAddress.
Result<std::vector<net::Address>> listening_addresses(const config::Endpoint& endpoint, std::string_view key,
                                                      Sharing sharing = Sharing::kExclusive);

// 0 where `address` could be listened on now, else the errno that says why not.
int probe_listening(const net::Address& address, Sharing sharing = Sharing::kExclusive);

}  // namespace drover::app
