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

  TEST_CASE("what a backend has chosen") {
    CHECK(read_extensions("").canonical.empty());
    CHECK_FALSE(read_extensions("").permessage_deflate);
    CHECK_FALSE(read_extensions("").others);

    const Extensions plain = read_extensions("permessage-deflate");
    CHECK(plain.permessage_deflate);
    CHECK_FALSE(plain.client_no_context_takeover);
    CHECK_FALSE(plain.server_no_context_takeover);
    CHECK_FALSE(plain.others);
    CHECK(read_extensions("permessage-deflate; client_no_context_takeover").client_no_context_takeover);
    CHECK_FALSE(read_extensions("permessage-deflate; client_no_context_takeover").server_no_context_takeover);
    CHECK(read_extensions("Permessage-Deflate ;SERVER_no_context_takeover").server_no_context_takeover);
    CHECK_FALSE(read_extensions("permessage-deflate ;SERVER_no_context_takeover").client_no_context_takeover);

    const Extensions other = read_extensions("x-frames;client_no_context_takeover;server_no_context_takeover");
    CHECK(other.others);
    CHECK_FALSE(other.permessage_deflate);
    CHECK_FALSE(other.client_no_context_takeover);
    CHECK_FALSE(other.server_no_context_takeover);
    CHECK(read_extensions("permessage-deflate, x-frames").permessage_deflate);
    CHECK(read_extensions("permessage-deflate, x-frames").others);
  }

  TEST_CASE("answers that mean the same") {
    const auto canonical = [](std::string_view answer) { return read_extensions(answer).canonical; };
    CHECK(canonical("permessage-deflate") == "permessage-deflate");
    for (const std::string_view same :
         {" PerMessage-Deflate,", "permessage-deflate;server_max_window_bits=15",
          "permessage-deflate; client_max_window_bits=\"15\"; Server_Max_Window_Bits=\"1\\5\""}) {
      CHECK(canonical(same) == "permessage-deflate");
    }
    const std::string_view full = "permessage-deflate;client_no_context_takeover;server_max_window_bits=10";
    CHECK(canonical(full) == full);
    CHECK(canonical("permessage-deflate; server_max_window_bits=\"10\" ; client_no_context_takeover") == full);
    CHECK(canonical("x ; B=\"Two\";a , permessage-deflate") == "x;a;b=Two,permessage-deflate");
    CHECK(canonical("x;y_max_window_bits=15") == "x;y_max_window_bits=15");
  }

  TEST_CASE("answers that do not") {
    const auto canonical = [](std::string_view answer) { return read_extensions(answer).canonical; };
    for (const std::string_view other :
         {"", "permessage-deflate", "permessage-deflate;client_max_window_bits=10",
          "permessage-deflate;server_max_window_bits=9", "permessage-deflate;server_max_window_bits",
          "permessage-deflate;client_no_context_takeover", "a,b", "b,a", "a;x=b", "a;x=B"}) {
      for (const std::string_view another : {"permessage-deflate;server_max_window_bits=10", "a;x", "c"}) {
        CHECK(canonical(other) != canonical(another));
      }
    }
    CHECK(canonical("a,b") != canonical("b,a"));
    CHECK(canonical("a;x=b") != canonical("a;x=B"));
  }

  TEST_CASE("a malformed answer is another extension, as it is") {
    for (const std::string_view answer : {"permessage-deflate;", "permessage-deflate x", "a;b=\"\"", ";"}) {
      const Extensions extensions = read_extensions(answer);
      CHECK_FALSE(extensions.permessage_deflate);
      CHECK(extensions.others);
      CHECK(extensions.canonical == answer);
    }
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
