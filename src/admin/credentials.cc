// Authorization = scheme 1*SP credentials (RFC 9110 section 11.4).
#include "admin/credentials.h"

#include <cstddef>
#include <optional>

namespace drover::admin {

namespace {

// Takes as long for any two texts of these lengths: how far they agree cannot be measured. `secret` is not empty.
bool same_secret(std::string_view shown, std::string_view secret) {
  volatile unsigned difference = shown.size() == secret.size() ? 0U : 1U;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    difference = difference | static_cast<unsigned>(static_cast<unsigned char>(shown[i]) ^
                                                    static_cast<unsigned char>(secret[i % secret.size()]));
  }
  return difference == 0;
}

// The six bits of a character of base64; none: it is no such character.
std::optional<unsigned> six_bits(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0') + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

// RFC 4648 section 4, with its padding.
std::optional<std::string> base64_decoded(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string decoded;
  unsigned bits = 0;
  unsigned count = 0;  // of the lowest of `bits` that have not been used
  for (const char c : text) {
    const auto six = six_bits(c);
    if (!six) return std::nullopt;
    bits = (bits << 6U) | *six;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded.push_back(static_cast<char>((bits >> count) & 0xFFU));
  }
  return decoded;
}

// The token in the value of an Authorization header; none: malformed, or another scheme.
std::optional<std::string> token_in(std::string_view authorization) {
  const auto space = authorization.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto scheme = authorization.substr(0, space);
  const auto credentials = http::trimmed(authorization.substr(space));
  if (http::same_name(scheme, "bearer")) return std::string(credentials);
  if (!http::same_name(scheme, "basic")) return std::nullopt;
  auto decoded = base64_decoded(credentials);
  if (!decoded) return std::nullopt;
  const auto colon = decoded->find(':');  // a user's name has none, RFC 7617 section 2
  if (colon == std::string::npos) return std::nullopt;
  return decoded->substr(colon + 1);
}

}  // namespace

Grant grant_of(const http::RequestHead& head, const Tokens& tokens) {
  if (head.count("authorization") != 1) return Grant::kNothing;
  const auto shown = token_in(*head.find("authorization"));
  if (!shown) return Grant::kNothing;
  if (!tokens.all.empty() && same_secret(*shown, tokens.all)) return Grant::kEverything;
  return !tokens.load.empty() && same_secret(*shown, tokens.load) ? Grant::kLoad : Grant::kNothing;
}

}  // namespace drover::admin
