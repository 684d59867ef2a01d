// What the two forms of a load report mean, value by value, and that no part of one is taken for more than it says.
#include "balancer/load_report.h"

#include <doctest/doctest.h>

#include <array>
#include <charconv>
#include <clocale>
#include <string>

namespace drover::balancer {
namespace {

std::string text_of(double value) {
  std::array<char, 32> buffer{};
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr};
}

// "cpu=0.4 memory=0.5 ignored=1", what there is; of an error its text.
std::string told(const Result<LoadReport>& report) {
  if (!report) return "error: " + report.error().detail;
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) {
    text.append(text.empty() ? "" : " ").append(name).append("=").append(value);
  };
  if (report->cpu) add("cpu", text_of(*report->cpu));
  if (report->memory) add("memory", text_of(*report->memory));
  if (report->connections) add("connections", text_of(*report->connections));
  if (report->message_rate) add("rate", text_of(*report->message_rate));
  if (report->response_time_ms) add("ms", text_of(*report->response_time_ms));
  CHECK(report->empty() == text.empty());
  if (report->ignored > 0) add("ignored", std::to_string(report->ignored));
  for (const auto& percent : report->look_like_percent) add("percent", percent);
  return text;
}

struct Case {
  std::string_view input;
  std::string_view expected;
};

constexpr std::string_view kNoObject = "error: the load report is no JSON object";

TEST_CASE("a JSON report") {
  constexpr Case kCases[] = {
      {R"({"cpu_usage":0.4,"memory_usage":0.5,"connections":12,"message_rate":100,"response_time":3.5})",
       "cpu=0.4 memory=0.5 connections=12 rate=100 ms=3.5"},
      {R"({"cpu_usage":0.4})", "cpu=0.4"},
      {R"( { "memory_usage" : 5e-1 } )", "memory=0.5"},
      {R"({})", ""},
      {R"({"cpu_usage":0,"memory_usage":0.0})", "cpu=0 memory=0"},
      {R"({"cpu_usage":-0.0,"memory_usage":-0})", "cpu=0 memory=0"},
      {R"({"connections":18446744073709551615})", "connections=18446744073709551616"},
      {R"({"connections":123456789012345678901234567890})", "connections=1.2345678901234568e+29"},
      // A little over 1 happens, and is the receiver's to clamp; percent does not pass for a fraction.
      {R"({"cpu_usage":1,"memory_usage":1.5})", "cpu=1 memory=1.5"},
      {R"({"cpu_usage":2,"memory_usage":2.0})", "cpu=2 memory=2"},
      {R"({"cpu_usage":45})", "ignored=1 percent=cpu_usage=45"},
      {R"({"cpu_usage":2.01,"memory_usage":73.25,"connections":3})",
       "connections=3 ignored=2 percent=cpu_usage=2.01 percent=memory_usage=73.25"},
      {R"({"connections":45,"message_rate":45,"response_time":45})", "connections=45 rate=45 ms=45"},
      // What is no number of at least 0 counts as left out.
      {R"({"cpu_usage":-0.1,"memory_usage":0.5})", "memory=0.5 ignored=1"},
      {R"({"cpu_usage":"0.4"})", "ignored=1"},
      {R"({"cpu_usage":null,"memory_usage":true,"connections":[1],"message_rate":{"a":1}})", "ignored=4"},
      {R"({"cpu":0.4,"CPU_USAGE":0.4,"":0.4,"memory_usage":0.1})", "memory=0.1 ignored=3"},
      {R"({"cpu_utilization":0.4,"eps":1,"named_metrics":{"connections":1},"named_metrics.connections":2})",
       "ignored=4"},
      // The last of several counts.
      {R"({"cpu_usage":0.4,"cpu_usage":0.6})", "cpu=0.6"},
      {R"({"cpu_usage":0.4,"cpu_usage":"x"})", "ignored=1"},
      {R"({"cpu_usage":"x","cpu_usage":0.4})", "cpu=0.4"},
      // No JSON, or no object.
      {"", kNoObject},
      {" ", kNoObject},
      {"OK", kNoObject},
      {"0.4", kNoObject},
      {"null", kNoObject},
      {R"([{"cpu_usage":0.4}])", kNoObject},
      {R"({"cpu_usage":0.4)", kNoObject},
      {R"({"cpu_usage":0.4}})", kNoObject},
      {R"({"cpu_usage":0.4} x)", kNoObject},
      {R"({"cpu_usage":NaN})", kNoObject},
      {R"({"cpu_usage":Infinity})", kNoObject},
      {R"({"cpu_usage":1e999})", kNoObject},
      {R"({"cpu_usage":0x1})", kNoObject},
      {R"({"cpu_usage":.5})", kNoObject},
      {R"({"cpu_usage":+0.5})", kNoObject},
      {R"({"cpu_usage":0,5})", kNoObject},
      {R"({'cpu_usage':0.5})", kNoObject},
      {R"({"cpu_usage":0.4,})", kNoObject},
      {"{\"\xff\":1}", kNoObject},
  };
  for (const auto& [input, expected] : kCases) {
    CAPTURE(input);
    CHECK(told(parse_json_report(input)) == expected);
  }
}

TEST_CASE("an ORCA header: TEXT") {
  constexpr Case kCases[] = {
      {"TEXT cpu_utilization:0.4,mem_utilization:0.5", "cpu=0.4 memory=0.5"},
      {"TEXT cpu_utilization=0.4,mem_utilization=0.5", "cpu=0.4 memory=0.5"},
      {"TEXT cpu_utilization:0.4, mem_utilization=0.5", "cpu=0.4 memory=0.5"},
      {"cpu_utilization:0.4,mem_utilization=0.5", "cpu=0.4 memory=0.5"},
      {" \tTEXT \t cpu_utilization : 0.4 ,\tmem_utilization\t=\t0.5 ", "cpu=0.4 memory=0.5"},
      {"cpu_utilization : 0.4", "cpu=0.4"},
      {"TEXT cpu_utilization:0.4,,mem_utilization:0.5, ,", "cpu=0.4 memory=0.5"},
      {"", ""},
      {"TEXT", ""},
      {"TEXT ,", ""},
      {"TEXT rps_fractional:100.5,eps:3", "rate=100.5"},
      {"TEXT named_metrics.message_rate:7,named_metrics.connections=12,named_metrics.response_time:3.5",
       "connections=12 rate=7 ms=3.5"},
      // One member, two names: the same one wins, whichever comes first.
      {"TEXT cpu_utilization:0.4,application_utilization:0.9", "cpu=0.9"},
      {"TEXT application_utilization:0.9,cpu_utilization:0.4", "cpu=0.9"},
      {"TEXT application_utilization:0,cpu_utilization:0.4", "cpu=0.4"},
      {"TEXT cpu_utilization:0.4,application_utilization:0", "cpu=0.4"},
      {"TEXT application_utilization:0", ""},
      {"TEXT application_utilization:90,cpu_utilization:0.4", "cpu=0.4 ignored=1 percent=application_utilization=90"},
      {"TEXT application_utilization:-1,cpu_utilization:0.4", "cpu=0.4 ignored=1"},
      {"TEXT named_metrics.message_rate:7,rps_fractional:9", "rate=7"},
      {"TEXT rps_fractional:9,named_metrics.message_rate:7", "rate=7"},
      // Known, and of no use.
      {"TEXT eps:1,named_metrics.queue:3,utilization.disk:0.5,request_cost.ram:1e9,named_metrics.cpu_usage:45", ""},
      {"TEXT eps:-1,named_metrics.queue:x,utilization.disk:nan,request_cost.ram:", "ignored=4"},
      // Names that nobody knows.
      {"TEXT cpu:0.4,CPU_UTILIZATION:0.4,cpu_usage:0.4,connections:1", "ignored=4"},
      {"TEXT named_metrics.:1,named_metrics:1,utilizations.a:1,:1,=", "ignored=5"},
      {"TEXT cpu_utilization,mem_utilization:0.5", "memory=0.5 ignored=1"},
      {"TEXT mem_utilization:0.5;cpu_utilization:0.4", "ignored=1"},
      {"cpu_utilization mem_utilization:0.5", "ignored=1"},
      // Numbers.
      {"cpu_utilization:4e-1,mem_utilization:5E-01,rps_fractional:1.5e+3", "cpu=0.4 memory=0.5 rate=1500"},
      {"cpu_utilization:.5,mem_utilization:1.", "cpu=0.5 memory=1"},
      {"cpu_utilization:-0,mem_utilization:-0.0", "cpu=0 memory=0"},
      {"cpu_utilization:2,mem_utilization:2.5", "cpu=2 ignored=1 percent=mem_utilization=2.5"},
      {"cpu_utilization:45,mem_utilization:1e300",
       "ignored=2 percent=cpu_utilization=45 percent=mem_utilization=1e+300"},
      {"cpu_utilization:nan", "ignored=1"},
      {"cpu_utilization:NaN(1)", "ignored=1"},
      {"cpu_utilization:inf", "ignored=1"},
      {"cpu_utilization:-infinity", "ignored=1"},
      {"rps_fractional:1e999", "ignored=1"},
      {"cpu_utilization:0x1", "ignored=1"},
      {"rps_fractional:0x10p2", "ignored=1"},
      {"cpu_utilization:+0.4", "ignored=1"},
      {"cpu_utilization:--1", "ignored=1"},
      {"cpu_utilization:-0.4", "ignored=1"},
      {"cpu_utilization:0.4x", "ignored=1"},
      {"cpu_utilization:0.4 0.5", "ignored=1"},
      {"cpu_utilization:40%", "ignored=1"},
      {"cpu_utilization:1e", "ignored=1"},
      {"cpu_utilization:.", "ignored=1"},
      {"cpu_utilization:", "ignored=1"},
      {"cpu_utilization:\"0.4\"", "ignored=1"},
      {"cpu_utilization::0.4", "ignored=1"},
      {"cpu_utilization:=0.4", "ignored=1"},
      {"cpu_utilization:0,4", "cpu=0 ignored=1"},
      // The last of several counts.
      {"cpu_utilization:0.4,cpu_utilization:0.6", "cpu=0.6"},
      {"cpu_utilization:0.4,cpu_utilization:nan", "ignored=1"},
      {"cpu_utilization:nan,cpu_utilization:0.4", "cpu=0.4 ignored=1"},
      // The first separator splits.
      {"named_metrics.a=b:1", "ignored=1"},
      {"named_metrics.a:b=1", "ignored=1"},
  };
  for (const auto& [input, expected] : kCases) {
    CAPTURE(input);
    CHECK(told(parse_orca(input)) == expected);
  }
}

TEST_CASE("an ORCA header: JSON, and forms that nobody reads") {
  constexpr std::string_view kBroken = "error: endpoint-load-metrics has the form JSON, and no JSON object behind it";
  constexpr Case kCases[] = {
      {R"(JSON {"cpu_utilization":0.4,"mem_utilization":0.5,"rps_fractional":10,"eps":1})",
       "cpu=0.4 memory=0.5 rate=10"},
      {R"(JSON {"application_utilization":0.9,"cpu_utilization":0.4})", "cpu=0.9"},
      {R"(JSON {"application_utilization":0,"cpu_utilization":0.4})", "cpu=0.4"},
      {R"(JSON {"named_metrics":{"message_rate":7,"connections":12,"response_time":3.5,"queue":1}})",
       "connections=12 rate=7 ms=3.5"},
      {R"(JSON {"named_metrics.message_rate":7,"rps_fractional":9})", "rate=7"},
      {R"(JSON {"utilization":{"disk":0.5},"request_cost":{"ram":1},"utilization.net":3})", ""},
      {R"(JSON {"named_metrics":{"a":-1,"b":"1","c":{"d":1},"connections":null}})", "ignored=4"},
      {R"(JSON {"named_metrics":[1],"utilization":3,"other":{"a":1}})", "ignored=3"},
      {R"(JSON {"cpu_utilization":45})", "ignored=1 percent=cpu_utilization=45"},
      {R"(JSON {"cpu_usage":0.4})", "ignored=1"},
      {R"(JSON {"cpu_utilization":"0.4"})", "ignored=1"},
      {"JSON\t{}", ""},
      {"JSON", kBroken},
      {"JSON [1]", kBroken},
      {"JSON cpu_utilization:0.4", kBroken},
      {R"(JSON {"cpu_utilization":NaN})", kBroken},
      {"BIN CQAAAAAAAOA/", R"(error: endpoint-load-metrics has the form "BIN", expected TEXT or JSON)"},
      {"BIN", R"(error: endpoint-load-metrics has the form "BIN", expected TEXT or JSON)"},
      {"text eps:1", R"(error: endpoint-load-metrics has the form "text", expected TEXT or JSON)"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
       R"(error: endpoint-load-metrics has the form "ABCDEFGHIJKLMNOP", expected TEXT or JSON)"},
      // Without the word it is TEXT.
      {R"({"cpu_utilization":0.4})", "ignored=1"},
      {"TEXTcpu_utilization:0.4", "ignored=1"},
  };
  for (const auto& [input, expected] : kCases) {
    CAPTURE(input);
    CHECK(told(parse_orca(input)) == expected);
  }
}

TEST_CASE("whose fault a report is that cannot be read") {
  const auto json = parse_json_report("OK");
  REQUIRE(!json);
  CHECK(json.error().code == Code::kBadRequest);
  CHECK(json.error().side == Side::kClient);
  const auto orca = parse_orca("BIN AA==");
  REQUIRE(!orca);
  CHECK(orca.error().code == Code::kBadGateway);
  CHECK(orca.error().side == Side::kBackend);
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("the sizes of a report have bounds") {
  const std::string object = R"({"cpu_usage":0.4})";
  CHECK(told(parse_json_report(object + std::string(65536 - object.size(), ' '))) == "cpu=0.4");
  CHECK(told(parse_json_report(object + std::string(65537 - object.size(), ' '))) ==
        "error: the load report is longer than 65536 bytes");
  const std::string text = "cpu_utilization:0.4";
  CHECK(told(parse_orca(text + std::string(4096 - text.size(), ' '))) == "cpu=0.4");
  CHECK(told(parse_orca(text + std::string(4097 - text.size(), ' '))) ==
        "error: endpoint-load-metrics is longer than 4096 bytes");
  CHECK(told(parse_orca(repeated("eps:1,", 256))) == "");
  CHECK(told(parse_orca(repeated("eps:1,", 257))) == "error: endpoint-load-metrics has over 256 fields");
  std::string keys;
  for (int i = 0; i < 256; ++i) keys += "\"" + std::to_string(i) + "\":1,";
  CHECK(told(parse_orca(R"(JSON {"named_metrics":{)" + keys + R"("0":1}})")) == "");
  CHECK(told(parse_orca(R"(JSON {"named_metrics":{)" + keys + R"("256":1}})")) ==
        "error: endpoint-load-metrics has over 256 fields");
}

TEST_CASE("nesting without end is no way to the end of the stack") {
  CHECK(told(parse_json_report(std::string(65536, '['))) == kNoObject);
  CHECK(told(parse_json_report(repeated("{\"\":", 16384))) == kNoObject);
  CHECK(told(parse_json_report(std::string(32768, '[') + std::string(32768, ']'))) == kNoObject);
  CHECK(told(parse_json_report(R"({"cpu_usage":)" + std::string(32760, '[') + std::string(32760, ']') + "}")) ==
        "ignored=1");
  CHECK(told(parse_json_report(repeated("{\"a\":", 10000) + "1" + repeated("}", 10000))) == "ignored=1");
}

TEST_CASE("a report cut anywhere says no more than the whole one") {
  constexpr std::string_view kJson = R"({"cpu_usage":0.25,"memory_usage":45,"named":{"a":[1]},"connections":12})";
  for (std::size_t size = 0; size < kJson.size(); ++size) {
    CAPTURE(size);
    CHECK(told(parse_json_report(kJson.substr(0, size))) == kNoObject);
    CHECK(!parse_orca("JSON " + std::string(kJson.substr(0, size))));
  }
  // Where a number is cut nobody can tell, but a shorter one of digits alone is no larger.
  constexpr std::string_view kText =
      "TEXT cpu_utilization:0.75,mem_utilization=1.25,rps_fractional:150.5,eps:12,unknown:3";
  const auto is_part = [](const std::optional<double>& part, double whole) { return !part || *part <= whole; };
  for (std::size_t size = 0; size < kText.size(); ++size) {
    CAPTURE(size);
    const auto part = parse_orca(kText.substr(0, size));
    REQUIRE(part.has_value() == (size == 0 || size >= 4));  // "TEX" is no form
    if (!part) continue;
    CHECK(is_part(part->cpu, 0.75));
    CHECK(is_part(part->memory, 1.25));
    CHECK(is_part(part->message_rate, 150.5));
    CHECK(part->cpu.has_value() == (size > kText.find("0.75")));
    CHECK(part->memory.has_value() == (size > kText.find("1.25")));
    CHECK(part->message_rate.has_value() == (size > kText.find("150.5")));
    CHECK(!part->connections);
    CHECK(!part->response_time_ms);
    CHECK(part->look_like_percent.empty());
    CHECK(part->ignored <= 1);
  }
}

TEST_CASE("a locale with a decimal comma changes nothing") {
  const char* const set = std::setlocale(LC_NUMERIC, "de_DE.UTF-8");
  if (set == nullptr) MESSAGE("no such locale here: only the usual one is tested");
  CHECK(told(parse_json_report(R"({"cpu_usage":0.25})")) == "cpu=0.25");
  CHECK(told(parse_orca("cpu_utilization:0.25")) == "cpu=0.25");
  std::setlocale(LC_NUMERIC, "C");
}

}  // namespace
}  // namespace drover::balancer
