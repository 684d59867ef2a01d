// What a session goes by under the policy consistent_hash: the part of the request that the configuration names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/config.h"
#include "http/head.h"
#include "net/address.h"
#include "proxy/snapshot.h"

namespace drover::proxy {

// As written, nothing decoded; none where the request does not have it, or has it empty. The client's address is the
// peer's, or, behind trusted proxies, the last one in X-Forwarded-For that is no trusted proxy's.
std::optional<std::string> hash_key_of(const config::HashKey& key, const http::RequestHead& request,
                                       const net::Address& peer, const Snapshot& snapshot);

}  // namespace drover::proxy
