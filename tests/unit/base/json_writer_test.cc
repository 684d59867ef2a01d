// What is written is JSON, with its commas where they belong.
#include "base/json_writer.h"

#include <doctest/doctest.h>

#include <cstdint>

namespace drover {

namespace {

std::string written(const auto& write) {
  JsonWriter out;
  write(out);
  return std::move(out).take();
}

}  // namespace

TEST_CASE("values and members are separated, whatever they begin and end with") {
  const auto text = written([](JsonWriter& out) {
    out.open_object();
    out.add("a", std::uint64_t{1});
    out.add("b", std::string_view(":"));
    out.key("c");
    out.open_array();
    out.value(std::string_view("["));
    out.open_object();
    out.close_object();
    out.open_object();
    out.add("d", -2);
    out.close_object();
    out.close_array();
    out.key("e");
    out.null();
    out.close_object();
  });
  CHECK(text == R"({"a":1,"b":":","c":["[",{},{"d":-2}],"e":null})");
  CHECK(written([](JsonWriter& out) { out.value(UINT64_MAX); }) == "18446744073709551615");
  CHECK(written([](JsonWriter& out) { out.value(INT64_MIN); }) == "-9223372036854775808");
}

TEST_CASE("texts are escaped where they need it") {
  const auto text = [](std::string_view value) { return written([value](JsonWriter& out) { out.value(value); }); };
  CHECK(text("") == R"("")");
  CHECK(text("/chat ~") == R"("/chat ~")");
  CHECK(text("a\"b\\c\n\x1b") == R"("a\"b\\c\n\u001b")");
  CHECK(text("\x7f") == R"("\u007f")");
  CHECK(text("ü\xff") == R"("\u00fc\ufffd")");
}

TEST_CASE("decimals have their shortest text") {
  JsonWriter out;
  out.open_array();
  for (const double number : {0.1, 1.5, 0.412, 1002.003, 0.0}) out.value(number);
  out.close_array();
  CHECK(std::move(out).take() == "[0.1,1.5,0.412,1002.003,0.0]");
}

}  // namespace drover
