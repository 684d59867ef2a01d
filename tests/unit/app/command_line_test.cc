// What is accepted on the command line, and what is a usage error.
#include "app/command_line.h"

#include <doctest/doctest.h>

using namespace drover::app;
using Action = CommandLine::Action;

namespace {

std::string usage_error(const std::vector<std::string>& arguments) {
  const auto line = parse_command_line(arguments);
  REQUIRE_FALSE(line.has_value());
  CHECK(line.error().code == ExitCode::kUsage);
  CHECK(line.error().text.ends_with('\n'));
  return line.error().text;
}

}  // namespace

TEST_CASE("-c alone serves in the foreground") {
  const auto line = parse_command_line({"-c", "a.yaml"});
  REQUIRE(line.has_value());
  CHECK(line->action == Action::kServe);
  CHECK(line->ground == CommandLine::Ground::kForeground);
  CHECK(line->config_file == "a.yaml");
  CHECK(line->pidfile.empty());
}

TEST_CASE("--daemon and --pidfile go with -c, in any order") {
  const auto line = parse_command_line({"--pidfile", "/run/d.pid", "--daemon", "-c", "a.yaml"});
  REQUIRE(line.has_value());
  CHECK(line->action == Action::kServe);
  CHECK(line->ground == CommandLine::Ground::kBackground);
  CHECK(line->pidfile == "/run/d.pid");
}

TEST_CASE("-t checks, -T prints too, whatever stands beside them") {
  CHECK(parse_command_line({"-t", "-c", "a"})->action == Action::kCheck);
  CHECK(parse_command_line({"--test", "--config", "a"})->action == Action::kCheck);
  CHECK(parse_command_line({"-T", "-c", "a"})->action == Action::kCheckAndPrint);
  CHECK(parse_command_line({"-t", "-T", "-c", "a"})->action == Action::kCheckAndPrint);
  CHECK(parse_command_line({"-t", "-c", "a", "--pidfile", "p", "--daemon"})->action == Action::kCheck);
}

TEST_CASE("-t --diff takes two files, and no -c") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"-t", "--diff", "old.yaml", "new.yaml"},
                                                                     {"--diff", "old.yaml", "new.yaml", "--test"}}) {
    const auto line = parse_command_line(arguments);
    REQUIRE(line.has_value());
    CHECK(line->action == Action::kCompare);
    CHECK(line->old_config_file == "old.yaml");
    CHECK(line->config_file == "new.yaml");
  }
  CHECK(usage_error({"--diff", "a", "b"}).find("--diff OLD NEW goes with -t") != std::string::npos);
  for (const char* other : {"-T", "--demo"}) usage_error({"-t", "--diff", "a", "b", other});
  usage_error({"-T", "--diff", "a", "b"});
  usage_error({"-t", "-c", "c", "--diff", "a", "b"});
  usage_error({"-t", "--diff"});
  usage_error({"-t", "--diff", "a"});
  usage_error({"-t", "--diff", "a", "b", "c"});
  usage_error({"-t", "--diff", "a", ""});
}

TEST_CASE("versions and the demo need no configuration") {
  CHECK(parse_command_line({"-v"})->action == Action::kVersion);
  CHECK(parse_command_line({"--version"})->action == Action::kVersion);
  CHECK(parse_command_line({"-V"})->action == Action::kVersionDetails);
  CHECK(parse_command_line({"--demo"})->action == Action::kDemo);
  CHECK(parse_command_line({"--demo", "--pidfile", "p"})->pidfile == "p");
}

TEST_CASE("help is no error") {
  for (const char* flag : {"-h", "--help"}) {
    const auto line = parse_command_line({flag});
    REQUIRE_FALSE(line.has_value());
    CHECK(line.error().code == ExitCode::kOk);
    for (const char* option : {"--config", "--test", "--diff", "--pidfile", "--daemon", "--demo"}) {
      CHECK(line.error().text.find(option) != std::string::npos);
    }
  }
}

TEST_CASE("without a configuration the error says what to do") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{}, {"-t"}, {"-T"}, {"--daemon"}}) {
    const auto text = usage_error(arguments);
    CHECK(text.find("-c FILE") != std::string::npos);
    CHECK(text.find("--demo") != std::string::npos);
  }
}

TEST_CASE("what contradicts itself or is not known is a usage error") {
  CHECK(usage_error({"--lisen"}).find("--lisen") != std::string::npos);
  CHECK(usage_error({"-c", "a", "surplus"}).find("surplus") != std::string::npos);
  CHECK(usage_error({"-c"}).find("-c") != std::string::npos);
  usage_error({"-c", ""});
  usage_error({"-c", "a", "-c", "b"});
  usage_error({"-c", "a", "--pidfile"});
  usage_error({"-c", "a", "--pidfile", ""});
  usage_error({"--demo", "-c", "a"});
  usage_error({"--demo", "-t"});
  usage_error({"--demo", "-T"});
  usage_error({"--demo", "--daemon"});
}
