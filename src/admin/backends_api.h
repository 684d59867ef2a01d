// /api/v1/backends: what Drover knows of each backend.
#pragma once

#include "admin/call.h"

namespace drover::admin {

// GET /api/v1/backends: every pool and backend, in the order of the configuration.
Reply list_backends(const Call& call);

}  // namespace drover::admin
