// Text that nobody sealed never opens; what was sealed opens to the same, and changed in any way it does not.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "migration/base64url.h"
#include "migration/resume_token.h"
#include "require.h"

namespace {

using namespace drover;
using namespace drover::migration;

constexpr WallClock::time_point kNow{std::chrono::seconds(1'800'000'000)};

// Random keys: no input can have been sealed with them.
const TokenKeys& keys() {
  static const auto kKeys = TokenKeys::make({});
  return *kKeys;
}

void check_refused(std::string_view text) {
  const auto opened = keys().open(text, kNow);
  REQUIRE(!opened);
  REQUIRE(opened.error().code == Code::kUnauthorized && opened.error().side == Side::kClient);
}

void check_base64url(std::string_view text) {
  std::string encoded;
  append_base64url(encoded, as_bytes(text));
  const auto back = decode_base64url(encoded);
  REQUIRE(back && as_text(*back) == text);
  const auto decoded = decode_base64url(text);
  if (!decoded) return;
  std::string again;
  append_base64url(again, *decoded);
  REQUIRE(again == text);
}

// The input is a token's fields and, from its front, what becomes of its text: where, and what stands there instead.
void check_changed(Bytes input) {
  if (input.size() < 4) return;
  const std::size_t where = input[0] * 256U + input[1];
  const std::size_t taken = input[2] % 4;
  const std::size_t put = std::min<std::size_t>(input[3] % 8, input.size() - 4);
  const auto change = as_text(input.subspan(4, put));
  const auto names = as_text(input.subspan(4 + put));
  ResumeToken token{.resume_id = {},
                    .pool = std::string(names.substr(0, names.size() / 2)),
                    .backend = std::string(names.substr(names.size() / 2)),
                    .expires = kNow + std::chrono::seconds(60)};
  token.resume_id.fill(input[3]);
  const auto text = keys().seal(token);
  REQUIRE(text.empty() == (names.size() > 709));  // 1,024 characters, less prefix, nonce, tag, and 28 bytes of fields
  if (text.empty()) return;
  const auto opened = keys().open(text, kNow);
  REQUIRE(opened && opened->resume_id == token.resume_id && opened->pool == token.pool);
  REQUIRE(opened->backend == token.backend && opened->expires == token.expires);
  REQUIRE(!keys().open(text, token.expires));
  auto changed = text;
  changed.replace(where % (text.size() + 1), taken, change);
  if (changed != text) check_refused(changed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  check_refused(as_text(input));
  check_refused("v1." + std::string(as_text(input)));
  check_base64url(as_text(input));
  check_changed(input);
  return 0;
}
