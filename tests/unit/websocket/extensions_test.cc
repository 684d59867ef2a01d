// The grammar of Sec-WebSocket-Extensions, RFC 6455 section 9.1.
#include "websocket/extensions.h"

#include <doctest/doctest.h>

namespace drover::websocket {
namespace {

// The names, or "malformed" if it is not the grammar's.
std::string names_in(std::string_view line) {
  std::vector<std::string> names;
  if (!read_extension_names(line, names)) return "malformed";
  std::string text;
  for (const std::string& name : names) text += "[" + name + "]";
  return text;
}

}  // namespace

TEST_SUITE("extensions") {
  TEST_CASE("what the grammar allows") {
    CHECK(names_in("") == "");
    CHECK(names_in("permessage-deflate") == "[permessage-deflate]");
    CHECK(names_in("permessage-deflate; client_max_window_bits; server_max_window_bits=10") == "[permessage-deflate]");
    CHECK(names_in("a;b=\"c\", d") == "[a][d]");
    CHECK(names_in("a;b=c;d=\"\\e\";f,g") == "[a][g]");
    CHECK(names_in("a ;\tb = \"c\\d\" ,d;e") == "[a][d]");
    CHECK(names_in(" a , b ") == "[a][b]");
    CHECK(names_in("a, a; x") == "[a][a]");  // the same extension with other parameters: a second choice
  }

  TEST_CASE("empty elements of a list are passed over") {
    CHECK(names_in(",") == "");
    CHECK(names_in(", a,,b , ,") == "[a][b]");
  }

  TEST_CASE("lines of one header are one list") {
    std::vector<std::string> names;
    CHECK(read_extension_names("a;b, c", names));
    CHECK(read_extension_names("d", names));
    CHECK(names == std::vector<std::string>{"a", "c", "d"});
  }

  TEST_CASE("what it does not") {
    for (const std::string_view line :
         {"a b",      "a;",          "a;;b",           ";a",         "=b",       "a=b",
          "a;=b",     "a;b=",        "a;b=,c",         "a;b=\"",     "a;b=\"c",  "a;b=\"c\\",
          "a;b=\"\"", "a;b=\"c d\"", "a;b=\"c,d\"",    "a;b=\"c\"d", "a;b=c d",  "a@",
          "\"a\"",    "a;\"b\"",     "a;b=\"c\"\"d\"", "a\x01",      "\xc3\xa9", "a/b"}) {
      CAPTURE(line);
      CHECK(names_in(line) == "malformed");
    }
    CHECK(names_in(std::string_view("a\0", 2)) == "malformed");
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
