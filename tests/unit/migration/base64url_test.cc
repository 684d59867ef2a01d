// The vectors of RFC 4648 section 10, and everything that it lets a decoder be lax about.
#include "migration/base64url.h"

#include <doctest/doctest.h>

#include <string>

namespace drover::migration {

namespace {

std::string encoded(std::string_view text) {
  std::string out;
  append_base64url(out, as_bytes(text));
  return out;
}

std::string decoded(std::string_view text) {
  const auto bytes = decode_base64url(text);
  return bytes ? std::string(as_text(*bytes)) : "none";
}

}  // namespace

TEST_CASE("base64url: the vectors of RFC 4648, without padding, both ways") {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"},
  };
  for (const auto& [bytes, text] : vectors) {
    CHECK(encoded(bytes) == text);
    CHECK(decoded(text) == bytes);
  }
}

TEST_CASE("base64url: every byte survives") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (std::size_t size = 0; size <= all.size(); ++size)
    CHECK(decoded(encoded(all.substr(0, size))) == all.substr(0, size));
}

TEST_CASE("base64url: bytes have one text") {
  CHECK(decoded("Zg==") == "none");  // padded
  CHECK(decoded("Zm8=") == "none");
  CHECK(decoded("+/+/") == "none");   // the standard alphabet
  CHECK(decoded("Zh") == "none");     // one of four bits to spare
  CHECK(decoded("Zm9") == "none");    // one of two
  CHECK(decoded("Zm9vY") == "none");  // a length that no bytes have
  CHECK(decoded("Zm 9v") == "none");
  CHECK(decoded("Zm9v\n") == "none");
  CHECK(decoded("Zm9\xff") == "none");
  CHECK(decoded(std::string_view("Zm9\0", 4)) == "none");
}

}  // namespace drover::migration
