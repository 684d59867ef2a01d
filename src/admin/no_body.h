// The bodies of calls that have nothing to be told.
#pragma once

#include <expected>
#include <string_view>

#include "admin/reply.h"

namespace drover::admin {

// Nothing or {}: what somebody means to set must not be passed over in silence. Else a 400.
std::expected<void, Reply> check_no_settings(std::string_view body);

}  // namespace drover::admin
