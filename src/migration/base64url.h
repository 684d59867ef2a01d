// Base64url without padding (RFC 4648 sections 5 and 3.2), read strictly: every byte string has one text, so that no
// second spelling of a token is good. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace drover::migration {

// Appends the text of `bytes` to `out`.
void append_base64url(std::string& out, Bytes bytes);

// None: a character of another alphabet, padding, a length that no bytes have, or bits to spare that are not zero.
std::optional<std::vector<std::uint8_t>> decode_base64url(std::string_view text);

}  // namespace drover::migration
