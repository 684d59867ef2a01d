// Who may talk to the admin server: a browser must not be led here by a foreign page (Origin) nor by a foreign name
// that was made to resolve to this machine (Host, DNS rebinding). Pure functions.
#pragma once

#include <string_view>

#include "base/error.h"
#include "http/head.h"

namespace drover::admin {

// Whether `authority`, "host[:port]", names this machine without DNS: "localhost", or an address. With any port.
bool is_own_authority(std::string_view authority);

// Host, and every Origin that the request has. Error: kForbidden, Side::kClient.
Result<void> check_access(const http::RequestHead& head);

}  // namespace drover::admin
