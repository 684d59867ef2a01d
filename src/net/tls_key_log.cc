// One descriptor for the process; a line is one write(2), which O_APPEND keeps whole among threads.
#include "net/tls_key_log.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "net/tls_context.h"

namespace drover::net {

namespace {

int key_log = -1;  // written once, before there are threads

void write_line(const SSL*, const char* line) {
  const std::string whole = std::string(line) + '\n';
  [[maybe_unused]] const auto written = ::write(key_log, whole.data(), whole.size());
}

}  // namespace

Result<std::string> open_tls_key_log() {
  const char* const file = std::getenv("SSLKEYLOGFILE");
  if (file == nullptr || *file == '\0') return std::string();
  key_log = ::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (key_log >= 0) return std::string(file);
  return fail(Code::kConfiguration, Side::kDrover, "SSLKEYLOGFILE: " + std::string(file) + ": " + std::strerror(errno));
}

void log_keys_of(ssl_ctx_st* context) {
  if (key_log >= 0) SSL_CTX_set_keylog_callback(context, write_line);
}

}  // namespace drover::net
