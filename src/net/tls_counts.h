// How the TLS handshakes of a loop ended. The loop's thread writes, any thread may read.
#pragma once

#include "base/counter.h"

namespace drover::net {

struct TlsCounts {
  struct OfSide {
    Counter full;
    Counter resumed;
    Counter failed;  // those that have begun, and ended before they were done
  };
  OfSide clients;   // that have come to a listener
  OfSide backends;  // that Drover has gone to
};

}  // namespace drover::net
