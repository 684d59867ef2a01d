// Which paths match a pattern, and what stands in its places.
#include "admin/path_pattern.h"

#include <doctest/doctest.h>

namespace drover::admin {

namespace {

using Parameters = std::vector<std::string_view>;

}  // namespace

TEST_CASE("segments are compared letter by letter") {
  CHECK(match("/health", "/health") == Parameters{});
  CHECK(match("/api/v1/backends", "/api/v1/backends") == Parameters{});
  for (const char* path : {"", "/", "/Health", "/healthy", "/heal", "/health/", "/health/x", "//health", "/x/health",
                           "/%68ealth", "health", "*"}) {
    CAPTURE(path);
    CHECK(!match("/health", path));
  }
  CHECK(!match("/api/v1/backends", "/api/v1"));
}

TEST_CASE("a parameter is one segment, as written") {
  constexpr const char* kPattern = "/api/{pool}/{name}/load";
  CHECK(match(kPattern, "/api/chat/web-1/load") == Parameters{"chat", "web-1"});
  CHECK(match(kPattern, "/api/chat/web@[::1]:80/load") == Parameters{"chat", "web@[::1]:80"});
  CHECK(match(kPattern, "/api/a%2Fb/%40/load") == Parameters{"a%2Fb", "%40"});
  CHECK(match(kPattern, "/api/{pool}/load/load") == Parameters{"{pool}", "load"});
  CHECK(match(kPattern, "/api///load") == Parameters{"", ""});
  for (const char* path : {"/api/chat/load", "/api/chat/web/1/load", "/api/chat/web-1/load/", "/api/chat/web-1",
                           "/api/chat/web-1/drain", "/x/chat/web-1/load"}) {
    CAPTURE(path);
    CHECK(!match(kPattern, path));
  }
}

TEST_CASE("percent-encoding is undone") {
  CHECK(percent_decoded("") == "");
  CHECK(percent_decoded("web-1") == "web-1");
  CHECK(percent_decoded("web%401") == "web@1");
  CHECK(percent_decoded("%2f%2F%5b%C3%A9") == "//[\xc3\xa9");
  CHECK(percent_decoded("a%00b") == std::string("a\0b", 3));
  CHECK(percent_decoded("%2541") == "%41");  // once
  CHECK(percent_decoded("a+b") == "a+b");    // a path, not a form
}

TEST_CASE("broken percent-encoding is an error") {
  for (const char* text : {"%", "%4", "a%", "%4g", "%g4", "%-1", "%+1", "% 1", "%0x1", "%%41"}) {
    CAPTURE(text);
    CHECK(!percent_decoded(text));
  }
}

}  // namespace drover::admin
