// GET /metrics: everything that Drover counts, for Prometheus. docs/metrics.md says what an operator reads from it.
#pragma once

#include "admin/call.h"

namespace drover::admin {

// 200 with text/plain in version 0.0.4 of the format. Counters are read while their workers write them, so what is
// told of two of them may be some events apart.
Reply metrics(const Call& call);

}  // namespace drover::admin
