// Who may talk to the admin server: a browser must not be led here by a foreign page (Origin) nor by a foreign name
// that was made to resolve to this machine (Host, DNS rebinding). Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/credentials.h"
#include "base/error.h"
#include "http/head.h"

namespace drover::admin {

enum class Surface : std::uint8_t {
  kAdmin,   // everything, under the rules below
  kProbes,  // what is open to anybody, alone and without the rules: scrapers and kubelets go by any name
};

// What a server has, and for whom.
struct Access {
  Surface surface = Surface::kAdmin;
  std::vector<std::string> hosts;  // names of this server besides localhost: lower case, without port
  Tokens tokens;
};

// Whether `authority`, "host[:port]", names this server without asking DNS: "localhost", an address, or one of `hosts`.
// With any port.
bool is_own_authority(std::string_view authority, std::span<const std::string> hosts);

// Host, and every Origin that the request has: an address there is this machine's own, or the one in Host. Error:
// kForbidden, Side::kClient.
Result<void> check_access(const http::RequestHead& head, std::span<const std::string> hosts);

}  // namespace drover::admin
