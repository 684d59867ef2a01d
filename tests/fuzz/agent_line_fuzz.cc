// Any bytes as an agent's line: numbers within their bounds, a description fit for a terminal, nothing behind the end
// of the line or in another case that changes the answer, and an error that blames the backend.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "health/agent_line.h"
#include "require.h"

namespace {

using namespace drover;
using namespace drover::health;

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

void check_report(const AgentReport& report, std::size_t size) {
  REQUIRE(report.health || report.state || report.weight_percent || report.max_connections);
  REQUIRE(report.weight_percent.value_or(0) <= 256);
  REQUIRE(report.description.size() <= 128 && is_printable(report.description));
  REQUIRE(report.ignored <= (size + 1) / 2);  // a word is a byte, and a byte between it and the next
}

bool same_words(const AgentReport& one, const AgentReport& other) {
  return one.health == other.health && one.state == other.state && one.weight_percent == other.weight_percent &&
         one.max_connections == other.max_connections && one.ignored == other.ignored;
}

void check_same(const Result<AgentReport>& report, const Result<AgentReport>& other) {
  REQUIRE(report.has_value() == other.has_value());
  if (!report) {
    REQUIRE(report.error().detail == other.error().detail);
    return;
  }
  REQUIRE(same_words(*report, *other));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  const auto report = parse_agent_line(text);
  check_same(report, parse_agent_line(text));
  check_same(report, parse_agent_line(std::string(text) + "\nmaint 1% maxconn:1"));
  std::string shouted(text);
  std::ranges::transform(shouted, shouted.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  check_same(report, parse_agent_line(shouted));
  if (report) {
    check_report(*report, size);
  } else {
    REQUIRE(report.error().code == Code::kBadGateway && report.error().side == Side::kBackend);
    REQUIRE(!report.error().detail.empty() && is_printable(report.error().detail));
  }
  return 0;
}
