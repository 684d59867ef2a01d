// Figures for people, and foreign text on a terminal.
#include "app/ctl_figures.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace drover::app;
using namespace std::chrono_literals;

TEST_CASE("ctl: bytes have two or three digits and a unit") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(999) == "999 B");
  CHECK(bytes_text(1'000) == "1.0 kB");
  CHECK(bytes_text(9'949) == "9.9 kB");
  CHECK(bytes_text(9'950) == "10 kB");
  CHECK(bytes_text(999'499) == "999 kB");
  CHECK(bytes_text(999'500) == "1.0 MB");
  CHECK(bytes_text(1'234'567'890) == "1.2 GB");
  CHECK(bytes_text(UINT64_MAX) == "18447 PB");
}

TEST_CASE("ctl: counts are exact as long as they are short") {
  CHECK(count_text(0) == "0");
  CHECK(count_text(99'999) == "99999");
  CHECK(count_text(100'000) == "100k");
  CHECK(count_text(1'234'567) == "1.2M");
}

TEST_CASE("ctl: ages have their two largest units") {
  CHECK(age_text(0ms) == "0s");
  CHECK(age_text(-5ms) == "0s");
  CHECK(age_text(999ms) == "999ms");
  CHECK(age_text(59'999ms) == "59s");
  CHECK(age_text(200s) == "3m20s");
  CHECK(age_text(1h) == "1h0m");
  CHECK(age_text(76h + 59min) == "3d4h");
}

TEST_CASE("ctl: shares and numbers") {
  CHECK(percent_text(0) == "0.0 %");
  CHECK(percent_text(0.0994) == "9.9 %");
  CHECK(percent_text(0.0996) == "10 %");
  CHECK(percent_text(1) == "100 %");
  CHECK(number_text(1) == "1");
  CHECK(number_text(0.235) == "0.23");
  CHECK(number_text(1.5) == "1.5");
  CHECK(number_text(120) == "120");
}

TEST_CASE("ctl: text from outside cannot do anything to a terminal") {
  CHECK(printable("/chat?room=é€😀") == "/chat?room=é€😀");
  CHECK(printable("\x1b[2J\x07") == "\\x1b[2J\\x07");
  CHECK(printable("a\tb\r\nc") == "a\\x09b\\x0d\\x0ac");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
  CHECK(printable("\x7f") == "\\x7f");
  CHECK(printable("\xc2\x9b"
                  "31m") ==
        "\\xc2\\x9b"
        "31m");  // U+009B is CSI, as ESC [ is
  CHECK(printable("\xff\xe2\x82") == "\\xff\\xe2\\x82");
  CHECK(printable("a\xe2\x80\xae"
                  "b\xe2\x81\xa6\xe2\x80\x8b") == "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6\\xe2\\x80\\x8b");
  CHECK(printable("…–") == "…–");  // their neighbours in Unicode
}

TEST_CASE("ctl: width is characters") {
  CHECK(width_of("") == 0);
  CHECK(width_of("abc") == 3);
  CHECK(width_of("é€😀") == 3);
}
