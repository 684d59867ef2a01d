// Where the secrets of TLS connections are written to, if anywhere: see open_tls_key_log().
#pragma once

#include "net/openssl.h"

namespace drover::net {

// Has the connections of `context` written there. Nothing where no file is open.
void log_keys_of(ssl_ctx_st* context);

}  // namespace drover::net
