// What -v and -V print.
#include "app/version.h"

#include <doctest/doctest.h>

#include <cctype>

TEST_CASE("-V names the version and every library with a number") {
  const auto text = drover::app::version_with_libraries();
  CHECK(text.starts_with("drover " + drover::app::version() + "\n"));
  CHECK(std::isdigit(static_cast<unsigned char>(drover::app::version().front())));
  for (const std::string library : {"libuv", "llhttp", "OpenSSL", "wslay", "yaml-cpp", "spdlog", "nlohmann-json"}) {
    const auto at = text.find("  " + library + " ");
    REQUIRE_MESSAGE(at != std::string::npos, library);
    CHECK_MESSAGE(std::isdigit(static_cast<unsigned char>(text[at + library.size() + 3])), library);
  }
}
