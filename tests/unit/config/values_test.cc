// Scalars: what each kind takes, what it refuses, and that what is formatted can be parsed again.
#include "config/values.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <string>

namespace drover::config {

using namespace std::chrono_literals;

TEST_CASE("numbers are decimal digits") {
  CHECK(parse_number("0") == 0u);
  CHECK(parse_number("10") == 10u);
  CHECK(parse_number("18446744073709551615") == 18446744073709551615u);
  for (const char* bad :
       {"", "010", "00", "+1", "-1", "1.5", "1e3", "0x10", "1_000", " 1", "1 ", "18446744073709551616"})
    CHECK_FALSE(parse_number(bad).has_value());
}

TEST_CASE("decimal numbers have at most nine digits a side") {
  CHECK(parse_decimal("0") == 0.0);
  CHECK(parse_decimal("0.3") == 0.3);
  CHECK(parse_decimal("1") == 1.0);
  CHECK(parse_decimal("12.5") == 12.5);
  CHECK(parse_decimal("1.50") == 1.5);
  CHECK(parse_decimal("999999999.999999999") == 999999999.999999999);
  for (const char* bad : {"", ".", ".5", "1.", "-1", "+1", "1e3", "1E3", "inf", "nan", "0x1", "1,5", "1.2.3", " 1",
                          "1 ", "1_000", "0.1f", "0.-1"})
    CHECK(parse_decimal(bad).error().detail ==
          "expected a decimal number such as '0.25', got '" + std::string(bad) + "'");
  for (const char* bad : {"010", "00", "01.5"})
    CHECK(parse_decimal(bad).error().detail == "'" + std::string(bad) + "' has a leading zero; numbers are decimal");
  for (const char* bad : {"1234567890", "0.1234567890"})
    CHECK(parse_decimal(bad).error().detail == "'" + std::string(bad) + "' has more than 9 digits on one side");
}

TEST_CASE("durations need a unit") {
  CHECK(parse_duration("0") == 0ms);
  CHECK(parse_duration("0s") == 0ms);
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("1d2h3m4s5ms") == 26h + 3min + 4s + 5ms);
  CHECK(parse_duration("365d") == kLongestDuration);
  for (const char* bad : {"", "5", "s", "5 s", "1.5s", "-1s", "5S", "5sec", "30m1h", "1s1s", "1s5", "05s", "365d1ms",
                          "99999999999999999999s", "9223372036854775807d"})
    CHECK_FALSE(parse_duration(bad).has_value());
  CHECK(parse_duration("5").error().detail == "'5' has no unit: write for example '5s'");
}

TEST_CASE("sizes need a unit of 1024") {
  CHECK(parse_size("0") == 0u);
  CHECK(parse_size("0KiB") == 0u);
  CHECK(parse_size("1B") == 1u);
  CHECK(parse_size("64KiB") == 65'536u);
  CHECK(parse_size("1MiB") == 1u << 20U);
  CHECK(parse_size("1GiB") == 1u << 30U);
  CHECK(parse_size("9223372036854775807B") == 9223372036854775807u);
  for (const char* bad : {"", "64", "KiB", "64KB", "64kib", "64K", "1.5MiB", "-1B", "064KiB", "64 KiB",
                          "9223372036854775808B", "8388608TiB"})
    CHECK_FALSE(parse_size(bad).has_value());
  CHECK(parse_size("64KB").error().detail == "unknown unit 'KB' in '64KB' (units: B, KiB, MiB, GiB, TiB)");
}

TEST_CASE("rates are a second, shares are percent") {
  CHECK(parse_rate("200/s") == 200.0);
  CHECK(parse_rate("0.5/s") == 0.5);
  CHECK(parse_share("30%") == 0.3);
  CHECK(parse_share("100%") == 1.0);
  CHECK(parse_share("0%") == 0.0);
  CHECK(parse_share("12.5%") == 0.125);
  for (const char* bad : {"", "200", "/s", "200/m", "-1/s", "+1/s", ".5/s", "1./s", "1e3/s", "inf/s", "nan/s", "0x1/s",
                          "01/s", "1.2.3/s"})
    CHECK_FALSE(parse_rate(bad).has_value());
  for (const char* bad : {"", "30", "%", "101%", "-1%", "1e1%"}) CHECK_FALSE(parse_share(bad).has_value());
}

TEST_CASE("flags are true or false, whatever YAML 1.1 says") {
  CHECK(parse_flag("true") == true);
  CHECK(parse_flag("false") == false);
  for (const char* bad : {"", "yes", "no", "on", "off", "True", "1"}) CHECK_FALSE(parse_flag(bad).has_value());
}

TEST_CASE("formatting uses the largest units and can be parsed again") {
  CHECK(format_duration(0ms) == "0s");
  CHECK(format_duration(90min) == "1h30m");
  CHECK(format_duration(1'500ms) == "1s500ms");
  CHECK(format_size(0) == "0");
  CHECK(format_size(65'536) == "64KiB");
  CHECK(format_size(1'500) == "1500B");
  CHECK(format_rate(200) == "200/s");
  CHECK(format_rate(0.1) == "0.1/s");
  CHECK(format_decimal(0.25) == "0.25");
  CHECK(format_decimal(1000) == "1000");
  CHECK(format_share(0) == "0%");
  CHECK(format_share(0.3) == "30%");
  CHECK(format_share(1) == "100%");
  for (const char* text : {"0.000000001", "0.1", "1.25", "123456.789", "987654321.123456789"})
    CHECK(parse_decimal(format_decimal(*parse_decimal(text))) == *parse_decimal(text));
  // In binary 0.07 times 100 is a little more than 7, 0.29 times 100 a little less than 29.
  for (const char* text : {"7%", "29%", "57%", "0.1%", "33.333333333%", "99.999999999%", "0.000000001%"})
    CHECK(format_share(*parse_share(text)) == text);
  for (const auto value : {1ms, 999ms, 61'001ms, 86'399'999ms}) CHECK(parse_duration(format_duration(value)) == value);
  for (const std::uint64_t value : {1ULL, 1'023ULL, 1'025ULL, 9'223'372'036'854'775'807ULL})
    CHECK(parse_size(format_size(value)) == value);
  for (const double value : {0.01, 0.333333333, 123.456, 1e6}) CHECK(parse_rate(format_rate(value)) == value);
}

}  // namespace drover::config
