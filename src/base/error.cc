// Names of sides, as logs and metrics spell them.
#include "base/error.h"

namespace drover {

std::string_view name_of(Side side) {
  switch (side) {
    case Side::kClient: return "client";
    case Side::kBackend: return "backend";
    case Side::kDrover: return "drover";
  }
  return "unknown";
}

}  // namespace drover
