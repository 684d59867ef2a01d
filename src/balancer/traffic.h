// What the tunnels of one worker carry from and to one backend. Only the worker writes, anybody may read.
#pragma once

#include "base/counter.h"

namespace drover::balancer {

struct alignas(64) Traffic {
  Counter messages_in, messages_out;  // data messages; in: from clients
  Counter bytes_in, bytes_out;        // as they stand on the wire, frame headers included
};

}  // namespace drover::balancer
