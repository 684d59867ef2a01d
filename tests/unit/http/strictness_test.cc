// The rules over one line, apart from the parsers that apply them.
#include "http/strictness.h"

#include <doctest/doctest.h>

namespace drover::http {
namespace {

TEST_CASE("control characters are all below space and DEL, but HTAB") {
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    const std::string line = "abcdefghijklmnopqrstuvwxyz" + std::string(1, static_cast<char>(byte)) + "z";
    CHECK(has_control(line) == ((byte < 0x20 && byte != '\t') || byte == 0x7f));
  }
  CHECK_FALSE(has_control(""));
}

TEST_CASE("what may be a Host") {
  for (const std::string_view good : {"a", "chat.example.com", "chat.example.com:8080", "127.0.0.1:1", "[::1]",
                                      "[2001:db8::1]:443", "a_b", "xn--bcher-kva.example", "host:", "a%20b"}) {
    CAPTURE(good);
    CHECK(is_host(good));
  }
  for (const std::string_view bad :
       {"",       ":80",     "a b", "a\tb",  "a/b",       "user@a", "a,b", "a:80:81", "a:x",  "[::1", "[]",
        "[::1]x", "[::1]:x", "::1", "a\x01", "b\xc3\xbc", "a?b",    "a#b", "a\\b",    "a\"b", "<a>",  "[a/b]"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_host(bad));
  }
}

TEST_CASE("a request line that cannot become one is refused before it is whole") {
  const auto code_of = [](std::string_view so_far) -> std::optional<Code> {
    const auto checked = check_request_line_start(so_far, 10);
    return checked ? std::nullopt : std::optional(checked.error().code);
  };
  CHECK_FALSE(code_of(""));
  CHECK_FALSE(code_of("G"));
  CHECK_FALSE(code_of("UPDATEREDIRECTREF /"));
  CHECK_FALSE(code_of("GET /123456789"));
  CHECK_FALSE(code_of("GET /123456789 HTTP/1.1 and more"));
  CHECK(code_of("GET /1234567890") == Code::kTargetTooLong);
  CHECK(code_of("GET /1234567890 ") == Code::kTargetTooLong);
  CHECK(code_of("\x16\x03\x01") == Code::kBadRequest);  // TLS
  CHECK(code_of(" GET") == Code::kBadRequest);
  CHECK(code_of("AAAAAAAAAAAAAAAAAAAAAAAAA") == Code::kBadRequest);
  CHECK(code_of("CONNECT ") == Code::kMethodNotAllowed);
  CHECK_FALSE(code_of("CONNECT"));
}

TEST_CASE("a header line is a name, a colon and a trimmed value; what is wrong is named with its line") {
  const auto header = read_header_line("Name:\t a : b \t", 1);
  REQUIRE(header);
  CHECK(header->name == "Name");
  CHECK(header->value == "a : b");
  CHECK(read_header_line("Name:", 1)->value.empty());
  CHECK(read_header_line("Name: \t ", 1)->value.empty());
  const auto detail_of = [](std::string_view line) { return read_header_line(line, 7).error().detail; };
  CHECK(detail_of(" Name: a") == "header line 7 starts with white space (a folded header)");
  CHECK(detail_of("\tName: a") == "header line 7 starts with white space (a folded header)");
  CHECK(detail_of("Name") == "header line 7 has no colon");
  CHECK(detail_of(": a") == "header line 7 has no name");
  CHECK(detail_of("Name : a") == "header line 7 has white space before its colon");
  CHECK(detail_of("Name\t: a") == "header line 7 has white space before its colon");
}

TEST_CASE("status lines") {
  const auto line = read_status_line("HTTP/1.1 101 Switching\tProtocols \xe9");
  REQUIRE(line);
  CHECK(line->status == 101);
  CHECK(line->reason == "Switching\tProtocols \xe9");
  CHECK(line->minor_version == 1);
  CHECK(read_status_line("HTTP/1.1 200")->reason.empty());
  CHECK(read_status_line("HTTP/1.1 200 ")->reason.empty());
  CHECK(read_status_line("HTTP/1.0 599 X")->minor_version == 0);
  for (const std::string_view bad :
       {"", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 099 X", "HTTP/1.1 600 X",
        "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 20x OK", "HTTP/1.1 +20 OK",
        "HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "http/1.1 200 OK", "HTTP/1.10 200 OK", "HTTP/1.0 101 X", "ICY 200 OK"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_status_line(bad));
  }
}

}  // namespace
}  // namespace drover::http
