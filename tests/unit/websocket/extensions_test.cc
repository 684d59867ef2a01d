// The grammar of Sec-WebSocket-Extensions, RFC 6455 section 9.1.
#include "websocket/extensions.h"

#include <doctest/doctest.h>

namespace drover::websocket {
namespace {

// Back to text in one fixed form; "malformed" if it is not the grammar's.
std::string canonical(std::string_view line) {
  const auto extensions = parse_extensions(line);
  if (!extensions) return "malformed";
  std::string text;
  for (const Extension& extension : *extensions) {
    text += "[" + extension.name;
    for (const ExtensionParameter& parameter : extension.parameters) {
      text += ";" + parameter.name + (parameter.value ? "=" + *parameter.value : "");
    }
    text += "]";
  }
  return text;
}

}  // namespace

TEST_SUITE("extensions") {
  TEST_CASE("what the grammar allows") {
    CHECK(canonical("") == "");
    CHECK(canonical("permessage-deflate") == "[permessage-deflate]");
    CHECK(canonical("permessage-deflate; client_max_window_bits; server_max_window_bits=10") ==
          "[permessage-deflate;client_max_window_bits;server_max_window_bits=10]");
    CHECK(canonical("a;b=\"c\", d") == "[a;b=c][d]");
    CHECK(canonical("a ;\tb = \"c\\d\" ,d;e") == "[a;b=cd][d;e]");
    CHECK(canonical(" a , b ") == "[a][b]");
    CHECK(canonical("a, a; x") == "[a][a;x]");  // the same extension with other parameters: a second choice
  }

  TEST_CASE("empty elements of a list are passed over") {
    CHECK(canonical(",") == "");
    CHECK(canonical(", a,,b , ,") == "[a][b]");
  }

  TEST_CASE("what it does not") {
    for (const std::string_view line :
         {"a b",      "a;",          "a;;b",           ";a",         "=b",       "a=b",
          "a;=b",     "a;b=",        "a;b=,c",         "a;b=\"",     "a;b=\"c",  "a;b=\"c\\",
          "a;b=\"\"", "a;b=\"c d\"", "a;b=\"c,d\"",    "a;b=\"c\"d", "a;b=c d",  "a@",
          "\"a\"",    "a;\"b\"",     "a;b=\"c\"\"d\"", "a\x01",      "\xc3\xa9", "a/b"}) {
      CAPTURE(line);
      CHECK(canonical(line) == "malformed");
    }
    CHECK(canonical(std::string_view("a\0", 2)) == "malformed");
  }

  TEST_CASE("tokens, RFC 9110 section 5.6.2") {
    CHECK(is_token("!#$%&'*+-.^_`|~09azAZ"));
    CHECK_FALSE(is_token(""));
    for (const char c : std::string_view("\"(),/:;<=>?@[\\]{} \t\x7f\x80\0", 22)) {
      CHECK_FALSE(is_token(std::string_view(&c, 1)));
    }
  }
}

}  // namespace drover::websocket
