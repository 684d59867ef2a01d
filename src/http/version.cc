// llhttp has no call for it, only macros.
#include "http/version.h"

#include <llhttp.h>

namespace drover::http {

std::string llhttp_version() {
  return std::to_string(LLHTTP_VERSION_MAJOR) + "." + std::to_string(LLHTTP_VERSION_MINOR) + "." +
         std::to_string(LLHTTP_VERSION_PATCH);
}

}  // namespace drover::http
