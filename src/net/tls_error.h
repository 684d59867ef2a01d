// What OpenSSL has to say when it fails, in a line for people.
#pragma once

#include <string>

namespace drover::net {

// The cause of this thread's last failure, as OpenSSL words it ("no shared cipher"), or strerror() where it is the
// system's; `fallback` where OpenSSL does not say. Its error queue is empty afterwards.
std::string take_openssl_error(const std::string& fallback);

}  // namespace drover::net
