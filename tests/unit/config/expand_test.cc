// The expansion of variables in scalar values.
#include "config/expand.h"

#include <doctest/doctest.h>

#include "loading.h"

namespace drover::config {
namespace {

std::optional<std::string> environment(std::string_view name) {
  if (name == "PORT") return "8080";
  if (name == "EMPTY") return "";
  if (name == "DOLLAR") return "${PORT}";
  if (name == "EVIL") return "a\nb: c";
  return std::nullopt;
}

std::string expanded(std::string_view text) {
  const auto result = expand(text, environment);
  return result ? result->text : "error: " + result.error().detail;
}

}  // namespace

TEST_CASE("variables, defaults and dollars") {
  CHECK(expanded("plain") == "plain");
  CHECK(expanded(":${PORT}") == ":8080");
  CHECK(expanded("${PORT}${PORT}x") == "80808080x");
  CHECK(expanded("${NONE:-9}") == "9");
  CHECK(expanded("${EMPTY:-9}") == "9");
  CHECK(expanded("${EMPTY}") == "");
  CHECK(expanded("${NONE:-}") == "");
  CHECK(expanded("$$") == "$");
  CHECK(expanded("$${PORT}") == "${PORT}");
  CHECK(expanded("$$$$${PORT}") == "$$8080");
  CHECK(expanded("a$b$") == "a$b$");
  CHECK(expanded("${DOLLAR}") == "${PORT}");  // never twice
}

TEST_CASE("what cannot be expanded is named") {
  CHECK(expanded("x${NONE}") == "error: variable 'NONE' is not set and has no default");
  CHECK(expanded("${PORT").starts_with("error: '${' without '}'"));
  CHECK(expanded("${}").starts_with("error: '${…}' without the name of a variable"));
  CHECK(expanded("${1A}").starts_with("error: '${…}' without the name of a variable"));
  CHECK(expanded("${A B}").starts_with("error: '${…}' without the name of a variable"));
  CHECK(expanded("${NONE-x}").starts_with("error: '${…}' without the name of a variable"));
}

TEST_CASE("scalars of every type are expanded, keys are not") {
  const auto loaded =
      load("listen: ':${PORT}'\nbackends: ['h:${PORT}']\nattempts: ${TRIES:-7}\nlimits: {max_headers: \"${N:-50}\"}\n",
           environment);
  REQUIRE_MESSAGE(loaded.config.has_value(), loaded.diagnostics.text());
  CHECK(loaded.config->listeners.at(0).bind.port == 8080);
  CHECK(loaded.config->pools.at(0).backends.at(0).address.port == 8080);
  CHECK(loaded.config->pools.at(0).attempts == 7);
  CHECK(loaded.config->limits.max_headers == 50);
  CHECK(complaints(kBase + "${PORT}: 1\n", environment) == "t:3:1: error: unknown key '${PORT}'\n");
}

TEST_CASE("an unset variable is an error at the value, once") {
  CHECK(complaints(kBase + "workers: ${NONE}\n", environment) ==
        "t:3:10: error: 'workers': variable 'NONE' is not set and has no default\n");
  CHECK(complaints(kBase + "log: {access: \"${EVIL}\"}\n", environment) ==
        "t:3:15: error: 'log.access' must be one line of text, got 'a\\x0ab: c'\n");
}

}  // namespace drover::config
