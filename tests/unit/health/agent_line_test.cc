// What the words of an agent's line mean, alone and together, and what is no word.
#include "health/agent_line.h"

#include <doctest/doctest.h>

#include <string>

namespace drover::health {
namespace {

// "up drain 75% maxconn:30 # text, ignored 1", what there is; of an error its text.
std::string told(const Result<AgentReport>& report) {
  if (!report) return "error: " + report.error().detail;
  std::string text;
  const auto add = [&](std::string_view word) { text.append(text.empty() ? "" : " ").append(word); };
  if (report->health) add(*report->health == AgentReport::Health::kUp ? "up" : "down");
  if (report->state == balancer::OperatorState::kReady) add("ready");
  if (report->state == balancer::OperatorState::kDrain) add("drain");
  if (report->state == balancer::OperatorState::kMaintenance) add("maint");
  if (report->weight_percent) add(std::to_string(*report->weight_percent) + "%");
  if (report->max_connections) add("maxconn:" + std::to_string(*report->max_connections));
  if (!report->description.empty()) add("# " + report->description);
  if (report->ignored > 0) add("ignored " + std::to_string(report->ignored));
  return text;
}

struct Case {
  std::string_view input;
  std::string_view expected;
};

constexpr std::string_view kNothing =
    "error: the agent's line has no word that is known, such as up, down, drain, 75% or maxconn:30";

TEST_CASE("an agent's line") {
  constexpr Case kCases[] = {
      {"up\n", "up"},
      {"down\r\n", "down"},
      {"fail\n", "down"},
      {"failed\n", "down"},
      {"stopped\n", "down"},
      {"ready\n", "ready"},
      {"drain\n", "drain"},
      {"maint\n", "maint"},
      {"75%\n", "75%"},
      {"0%\n", "0%"},
      {"256%\n", "256%"},
      {"007%\n", "7%"},
      {"maxconn:30\n", "maxconn:30"},
      {"maxconn:0\n", "maxconn:0"},
      {"maxconn:4294967295\n", "maxconn:4294967295"},
      {"up ready 75% maxconn:30 # all is well\n", "up ready 75% maxconn:30 # all is well"},
      {"maxconn:30,75%,ready,up\r", "up ready 75% maxconn:30"},
      {" ,\t up\t,drain  ,\n", "up drain"},
      {"UP Ready MaxConn:5\n", "up ready maxconn:5"},
      {"StOpPeD, MAINT", "down maint"},
      {"up", "up"},
      // A line ends at its first CR or LF.
      {"up\ndown\n", "up"},
      {"up\rdown\n", "up"},
      {"up # a\nmaint", "up # a"},
      {"\nup\n", kNothing},
      // The last of a kind counts, even one that cannot be read.
      {"up down up\n", "up"},
      {"up failed\n", "down"},
      {"ready drain maint\n", "maint"},
      {"maint ready\n", "ready"},
      {"50% 75%\n", "75%"},
      {"maxconn:1 maxconn:2\n", "maxconn:2"},
      {"up 50% 300%\n", "up ignored 1"},
      {"up maxconn:1 maxconn:x\n", "up ignored 1"},
      {"300% 50%\n", "50% ignored 1"},
      // Words that nobody knows, and numbers out of range.
      {"up 257%\n", "up ignored 1"},
      {"up 4294967297%\n", "up ignored 1"},
      {"up 99999999999999999999%\n", "up ignored 1"},
      {"up 75%%\n", "up ignored 1"},
      {"up 75%x\n", "up ignored 1"},
      {"up 7.5%\n", "up ignored 1"},
      {"up 75 %\n", "up ignored 2"},
      {"up -5% +5% %\n", "up ignored 3"},
      {"up maxconn:4294967296\n", "up ignored 1"},
      {"up maxconn: 30\n", "up ignored 2"},
      {"up maxconn:-1\n", "up ignored 1"},
      {"up maxconn:+1\n", "up ignored 1"},
      {"up maxconn:3k\n", "up ignored 1"},
      {"up maxconn:0x10\n", "up ignored 1"},
      {"up maxconn=30 maxconn\n", "up ignored 2"},
      {"up upp dow draining maintenance down!\n", "up ignored 5"},
      {"up;down\tready\n", "ready ignored 1"},
      // The description.
      {"down#disk full", "down # disk full"},
      {"down # \t disk full, up ready 5% # more\n", "down # disk full, up ready 5% # more"},
      {"up #\n", "up"},
      {"up # a\tb\x1b[31mc\x7f\xc3\xa4\n", "up # a?b?[31mc???"},
      // Nothing that means anything.
      {"", kNothing},
      {"\r\n", kNothing},
      {" \t,,\n", kNothing},
      {"# up\n", kNothing},
      {"hello\n", kNothing},
      {"300%\n", kNothing},
      {"maxconn:\n", kNothing},
      {"HTTP/1.1 400 Bad Request\r\n\r\n", kNothing},
      {std::string_view("up\0\n", 4), kNothing},
  };
  for (const auto& [input, expected] : kCases) {
    CAPTURE(input);
    CHECK(told(parse_agent_line(input)) == expected);
  }
}

TEST_CASE("an agent's line that cannot be read is the backend's fault") {
  const auto report = parse_agent_line("hello\n");
  REQUIRE(!report);
  CHECK(report.error().code == Code::kBadGateway);
  CHECK(report.error().side == Side::kBackend);
}

TEST_CASE("the sizes of an agent's line have bounds") {
  constexpr std::string_view kTooLong = "error: the agent's line is longer than 1024 bytes";
  CHECK(told(parse_agent_line("up" + std::string(1022, ' '))) == "up");
  CHECK(told(parse_agent_line("up" + std::string(1022, ' ') + "\n")) == "up");
  CHECK(told(parse_agent_line("up" + std::string(1023, ' '))) == kTooLong);
  CHECK(told(parse_agent_line("up" + std::string(1023, ' ') + "\n")) == kTooLong);
  CHECK(told(parse_agent_line("up\n" + std::string(5000, ' '))) == "up");
  CHECK(told(parse_agent_line("up #" + std::string(128, 'a'))) == "up # " + std::string(128, 'a'));
  CHECK(told(parse_agent_line("up #" + std::string(129, 'a'))) == "up # " + std::string(128, 'a'));
}

TEST_CASE("a line cut anywhere says no more than the whole one") {
  constexpr std::string_view kLine = "up, drain 120% maxconn:345 stopped # disk full\r\n";
  for (std::size_t size = 0; size < kLine.size(); ++size) {
    CAPTURE(size);
    const auto part = parse_agent_line(kLine.substr(0, size));
    REQUIRE(part.has_value() == (size >= 2));
    if (!part) continue;
    const bool stopped = size >= kLine.find("stopped") + 7;
    CHECK(part->health == (stopped ? AgentReport::Health::kDown : AgentReport::Health::kUp));
    CHECK(part->state.has_value() == (size >= kLine.find("drain") + 5));
    CHECK(part->weight_percent.has_value() == (size >= kLine.find("120%") + 4));
    CHECK(part->weight_percent.value_or(120) == 120);  // its last character says that it is whole
    CHECK(part->max_connections.has_value() == (size > kLine.find("345")));
    CHECK(part->max_connections.value_or(0) <= 345);
    CHECK(std::string_view("disk full").starts_with(part->description));
    CHECK(part->ignored <= 1);  // the word that is cut
  }
}

}  // namespace
}  // namespace drover::health
