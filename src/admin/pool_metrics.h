// What GET /metrics tells of pools: what was passed on and answered in them, and how it ended.
#pragma once

#include "observe/exposition.h"
#include "observe/ledger.h"

namespace drover::admin {

void tell_pools(observe::Exposition& out, const observe::Ledger& ledger);

}  // namespace drover::admin
