// The first error in the queue is the cause, what comes behind it the places that it has passed. But TLS's own words
// say more than those of the cipher below it.
#include "net/tls_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>

namespace drover::net {

std::string take_openssl_error(const std::string& fallback) {
  unsigned long error = ERR_peek_error();
  while (const unsigned long next = ERR_get_error()) {
    if (ERR_GET_LIB(next) != ERR_LIB_SSL) continue;
    error = next;
    break;
  }
  std::string text = fallback;
  if (ERR_SYSTEM_ERROR(error)) {
    text = std::strerror(ERR_GET_REASON(error));
  } else if (const char* reason = ERR_reason_error_string(error); reason != nullptr) {
    // RFC 8446 section 6: those that the peer has sent are numbered from here on, and OpenSSL's common ones far above.
    const int alert = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET : -1;
    text = (alert >= 0 && alert <= 255 ? "the peer's alert: " : "") + std::string(reason);
  }
  ERR_clear_error();
  return text;
}

}  // namespace drover::net
