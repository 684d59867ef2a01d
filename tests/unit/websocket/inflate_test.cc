#include "websocket/inflate.h"

#include <doctest/doctest.h>

#include "support/deflate.h"

namespace drover::websocket {
namespace {

using drover::test::deflated;
using End = Inflated::End;

Inflated whole(const std::string& compressed, std::size_t most) {
  return inflate(as_bytes(compressed + std::string(kDeflateTail)), most);
}

}  // namespace

TEST_SUITE("inflate") {
  TEST_CASE("the examples of RFC 7692 section 7.2.3") {
    for (const std::string_view compressed :
         {std::string_view("\xf2\x48\xcd\xc9\xc9\x07\x00", 7),                              // one block
          std::string_view("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11),             // not compressed
          std::string_view("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13)}) {  // two blocks
      const Inflated inflated = whole(std::string(compressed), 100);
      CHECK(inflated.text == "Hello");
      CHECK(inflated.end == End::kInput);
    }
    const Inflated last = whole(std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8), 100);  // a block with BFINAL
    CHECK(last.text == "Hello");
    CHECK(last.end == End::kLast);
  }

  TEST_CASE("texts longer than a step") {
    std::string text;
    for (int i = 0; text.size() < 20'000; ++i) text += std::to_string(i * 7919);
    for (const std::size_t size : {0UL, 1UL, 4095UL, 4096UL, 4097UL, 8192UL, 20'000UL}) {
      CAPTURE(size);
      const Inflated inflated = whole(deflated(text.substr(0, size)), 100'000);
      CHECK(inflated.text == text.substr(0, size));
      CHECK(inflated.end == End::kInput);
    }
  }

  TEST_CASE("the front of a message gives the front of its text") {
    const std::string text = R"({"drover":"left","key":"0123456789abcdef0123456789abcdef"})";
    const std::string compressed = deflated(text);
    std::size_t longest = 0;
    for (std::size_t size = 0; size <= compressed.size(); ++size) {
      const Inflated inflated = inflate(as_bytes(compressed).first(size), 100);
      CHECK(inflated.end == End::kInput);
      CHECK(text.starts_with(inflated.text));
      CHECK(inflated.text.size() >= longest);
      longest = inflated.text.size();
    }
    CHECK(longest == text.size());
  }

  TEST_CASE("a bomb stops at the limit") {
    const std::string bomb = deflated(std::string(10'000'000, '['));
    for (const std::size_t most : {0UL, 1UL, 4096UL, 65'536UL}) {
      const Inflated inflated = whole(bomb, most);
      CHECK(inflated.end == End::kFull);
      CHECK(inflated.text == std::string(most, '['));
    }
    CHECK(whole(deflated("four"), 4).end == End::kFull);
    CHECK(whole(deflated("four"), 5).end == End::kInput);
  }

  TEST_CASE("what is no deflate ends behind what was") {
    CHECK(whole("\xff", 100).end == End::kBroken);
    const Inflated inflated = whole(deflated("Hello").append("\0\0\xff\xff\xff", 5), 100);
    CHECK(inflated.text == "Hello");
    CHECK(inflated.end == End::kBroken);
  }
}

}  // namespace drover::websocket
