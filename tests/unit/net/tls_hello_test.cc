// Which first bytes of a client are for OpenSSL.
#include "net/tls_hello.h"

#include <doctest/doctest.h>

#include <string>

namespace drover::net {

namespace {

Hello look(const std::string& bytes) {
  return look_at_hello(as_bytes(bytes));
}

// A record of so many bytes, with a ClientHello that announces so many, cut to `come` bytes.
std::string hello(std::size_t record, std::size_t message, std::size_t come = std::string::npos) {
  const auto byte = [](std::size_t value) { return static_cast<char>(value & 0xff); };
  std::string bytes{22,           3, 1, byte(record >> 8), byte(record), 1, byte(message >> 16), byte(message >> 8),
                    byte(message)};
  bytes.resize(5 + record, 'x');
  return bytes.substr(0, come);
}

}  // namespace

TEST_CASE("a hello is passed on once its first record is whole") {
  const auto whole = hello(517, 513);
  CHECK(look("") == Hello::kIncomplete);
  for (std::size_t come = 1; come < whole.size(); ++come) CHECK(look(whole.substr(0, come)) == Hello::kIncomplete);
  CHECK(look(whole) == Hello::kPassable);
  CHECK(look(whole + "more") == Hello::kPassable);
  CHECK(look(hello(100, 513)) == Hello::kPassable);  // the rest is in the next record
}

TEST_CASE("a hello that announces more than clients have to say is not believed") {
  CHECK(look(hello(517, 16 * 1024 + 1, 9)) == Hello::kTooLarge);
  CHECK(look(hello(517, 0xffffff)) == Hello::kTooLarge);
  CHECK(look(hello(517, 16 * 1024)) == Hello::kPassable);
  CHECK(look(hello(517, 16 * 1024, 9)) == Hello::kIncomplete);
}

TEST_CASE("what is no hello is OpenSSL's to refuse, at once") {
  CHECK(look("GET / HTTP/1.1") == Hello::kPassable);
  CHECK(look("\x17") == Hello::kPassable);
  CHECK(look(std::string("\x16\x03\x01\xff\xff", 5)) == Hello::kPassable);
}

}  // namespace drover::net
