// Any bytes as a load report, in the form that the first byte picks: whatever is read of them are numbers that the
// score can use, an error blames the right side, and the same bytes say the same again.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "balancer/load_report.h"
#include "base/bytes.h"
#include "require.h"

namespace {

using namespace drover;
using namespace drover::balancer;

void check_number(const std::optional<double>& value) {
  if (value) REQUIRE(std::isfinite(*value) && *value >= 0 && !std::signbit(*value));
}

void check_report(const LoadReport& report, std::size_t size) {
  for (const auto& value :
       {report.cpu, report.memory, report.connections, report.message_rate, report.response_time_ms})
    check_number(value);
  REQUIRE(report.cpu.value_or(0) <= 2 && report.memory.value_or(0) <= 2);
  REQUIRE(report.ignored <= size);
  REQUIRE(report.look_like_percent.size() <= report.ignored);
  for (const auto& told : report.look_like_percent) REQUIRE(told.size() < 64 && told.contains('='));
}

void check_error(const Error& error, Code code, Side side) {
  REQUIRE(error.code == code && error.side == side);
  REQUIRE(!error.detail.empty() && error.detail.size() < 128);
  for (const char c : error.detail) REQUIRE(c >= ' ' && c <= '~');
}

bool same(const LoadReport& one, const LoadReport& other) {
  return one.cpu == other.cpu && one.memory == other.memory && one.connections == other.connections &&
         one.message_rate == other.message_rate && one.response_time_ms == other.response_time_ms &&
         one.ignored == other.ignored && one.look_like_percent == other.look_like_percent;
}

}  // namespace

// 'J' and a JSON report, or any other byte and an ORCA header.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool is_json = data[0] == 'J';
  const auto text = as_text({data + 1, size - 1});
  const auto read = [&] { return is_json ? parse_json_report(text) : parse_orca(text); };
  const auto report = read();
  const auto again = read();
  REQUIRE(report.has_value() == again.has_value());
  if (!report) {
    check_error(report.error(), is_json ? Code::kBadRequest : Code::kBadGateway,
                is_json ? Side::kClient : Side::kBackend);
    REQUIRE(report.error().detail == again.error().detail);
    return 0;
  }
  REQUIRE(text.size() <= (is_json ? 65536U : 4096U));
  check_report(*report, text.size());
  REQUIRE(same(*report, *again));
  return 0;
}
