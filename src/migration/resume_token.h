// Resume tokens: what a client brings along when it comes back on Drover's word, so that it is known as the same
// session (DESIGN section 7). A token is routing, not authentication: whoever has it gets the same resume_id and
// nothing else. Sealed under SHA-256 of a configured secret: so it tells its holder nothing, and nobody makes one up.
// Any thread: keys are immutable.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace drover::migration {

using WallClock = std::chrono::system_clock;  // the expiry has to mean the same to another process

struct ResumeToken {
  std::array<std::uint8_t, 16> resume_id{};
  std::string pool;
  std::string backend;            // preferred; empty: none
  WallClock::time_point expires;  // to the second, rounded up
};

// The format, version 1:
//   text       "v1." base64url(nonce box tag), unpadded; 1,024 characters at most
//   nonce      12 bytes, fresh for each token
//   box, tag   AES-256-GCM of the plaintext, key SHA-256(secret), additional data "v1."; the tag has 16 bytes
//   plaintext  resume_id        16 bytes
//              expiry            8 bytes, seconds since 1970; numbers are big-endian
//              length, pool      2 bytes, and as many
//              length, backend   2 bytes, and as many; 0: no preference
// Another version has another prefix, so an old Drover takes a new token for a malformed one.
class TokenKeys {
 public:
  // The first secret signs, each is accepted. Without any a random one is drawn, which dies with the process.
  static std::shared_ptr<const TokenKeys> make(const std::vector<std::string>& secrets);
  ~TokenKeys();
  TokenKeys(const TokenKeys&) = delete;
  TokenKeys& operator=(const TokenKeys&) = delete;

  // Empty: the system has no randomness or memory to give, or the names are longer than a configuration's can be.
  std::string seal(const ResumeToken& token) const;
  // Error, Side::kClient, kUnauthorized: it is malformed, forged, under an unknown secret, or expired at `now`; the
  // detail says which and never repeats the token.
  Result<ResumeToken> open(std::string_view text, WallClock::time_point now) const;

 private:
  using Key = std::array<std::uint8_t, 32>;
  explicit TokenKeys(std::size_t count) : keys_(count) {}
  std::vector<Key> keys_;  // never empty; wiped at the end
};

}  // namespace drover::migration
