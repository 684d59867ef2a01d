// GET /health and GET /ready: whether the process lives, and whether new sessions are welcome.
#pragma once

#include "admin/call.h"

namespace drover::admin {

// 200 while the process serves, with what is not well.
Reply health(const Call& call);
// 200, or 503 with the reason.
Reply ready(const Call& call);

}  // namespace drover::admin
