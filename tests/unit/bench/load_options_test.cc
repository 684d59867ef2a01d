#include "bench/load/load_options.h"

#include <doctest/doctest.h>

#include <vector>

#include "bench/load/listening.h"

namespace drover::bench {

namespace {

std::expected<LoadOptions, Usage> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "drover-bench-load");
  return parse_load_options(static_cast<int>(arguments.size()), arguments.data());
}

}  // namespace

TEST_CASE("what is asked for is what is done") {
  const auto options = parse({"--target", "127.0.0.1:80", "--case",      "rate", "--sessions", "7",  "--size",    "100",
                              "--rate",   "5000",         "--seconds",   "0.25", "--warmup",   "0",  "--sources", "3",
                              "--watch",  "42",           "--in-flight", "16",   "--opening",  "500"});
  REQUIRE(options);
  CHECK(options->target.text() == "127.0.0.1:80");
  CHECK(options->name == CaseName::kRate);
  CHECK(options->sessions == 7);
  CHECK(options->size == 100);
  CHECK(options->rate == 5000);
  CHECK(options->seconds.count() == 250);
  CHECK(options->warmup.count() == 0);
  CHECK(options->sources == 3);
  CHECK(options->watch == 42);
  CHECK(options->in_flight == 16);
  CHECK(options->opening == 500);
  CHECK_FALSE(options->hold);
  CHECK(options->tls == Tls::kNone);
}

TEST_CASE("the path is / unless another is given") {
  CHECK(parse({"--target", "127.0.0.1:80", "--case", "idle"})->path == "/");
  CHECK(parse({"--target", "127.0.0.1:80", "--case", "idle", "--path", "/a?b=1"})->path == "/a?b=1");
}

TEST_CASE("TLS is full or resumed") {
  CHECK(parse({"--target", "127.0.0.1:80", "--case", "idle", "--tls", "full"})->tls == Tls::kFull);
  CHECK(parse({"--target", "127.0.0.1:80", "--case", "churn", "--tls", "resumed"})->tls == Tls::kResumed);
}

TEST_CASE("every case has its name") {
  for (const char* name : {"closed", "rate", "churn", "fanout", "idle", "drain", "busy"}) {
    const auto options = parse({"--target", "127.0.0.1:80", "--case", name, "--hold"});
    REQUIRE(options);
    CHECK(name_of(options->name) == name);
  }
}

TEST_CASE("what makes no sense is refused with 2") {
  const std::vector<std::vector<const char*>> refused = {
      {"--case", "idle"},
      {"--target", "127.0.0.1:80"},
      {"--target", "localhost:80", "--case", "idle"},
      {"--target", "127.0.0.1:80", "--case", "drain"},
      {"--target", "127.0.0.1:80", "--case", "busy"},
      {"--target", "127.0.0.1:80", "--case", "idle", "--path", "a"},
      {"--target", "127.0.0.1", "--case", "idle"},
      {"--target", "127.0.0.1:80", "--case", "other"},
      {"--target", "127.0.0.1:80", "--case", "idle", "--sessions", "0"},
      {"--target", "127.0.0.1:80", "--case", "closed", "--size", "15"},
      {"--target", "127.0.0.1:80", "--case", "closed", "--sources", "251"},
      {"--target", "127.0.0.1:80", "--case", "closed", "--seconds", "0"},
      {"--target", "127.0.0.1:80", "--case", "closed", "--tls", "yes"},
      {"--target", "127.0.0.1:80", "--case", "closed", "--tls", "resumed"},
      {"--target", "127.0.0.1:80", "--case", "closed", "--tls", "full", "--sources", "2"},
  };
  for (const auto& arguments : refused) {
    const auto options = parse(arguments);
    REQUIRE_FALSE(options);
    CHECK(options.error().exit_code == 2);
    CHECK_FALSE(options.error().text.empty());
  }
  REQUIRE_FALSE(parse({"--help"}));
  CHECK(parse({"--help"}).error().exit_code == 0);
}

TEST_CASE("addresses are numeric, with a port") {
  CHECK(parse_address("127.0.0.1:0")->text() == "127.0.0.1:0");
  CHECK(parse_address("[::1]:8080")->text() == "[::1]:8080");
  for (const char* wrong : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:80x", "127.0.0.1:65536", "host:80"}) {
    CHECK_FALSE(parse_address(wrong));
  }
}

}  // namespace drover::bench
