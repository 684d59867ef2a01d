// The question to OpenSSL, and wslay's macro.
#include "websocket/version.h"

#include <openssl/crypto.h>
#include <wslay/wslay.h>

namespace drover::websocket {

const char* openssl_version() {
  return OpenSSL_version(OPENSSL_VERSION_STRING);
}

const char* wslay_version() {
  return WSLAY_VERSION;
}

}  // namespace drover::websocket
