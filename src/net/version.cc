// The question to libuv.
#include "net/version.h"

#include <uv.h>

namespace drover::net {

const char* libuv_version() {
  return uv_version_string();
}

}  // namespace drover::net
