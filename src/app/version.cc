// Asks each folder for the library that it stands on: only it may include that library's headers.
#include "app/version.h"

#include <nlohmann/json.hpp>
#include <spdlog/version.h>

#include "http/version.h"
#include "net/version.h"
#include "websocket/version.h"

namespace drover::app {

namespace {

template <class... Parts>
std::string dotted(Parts... parts) {
  std::string text;
  ((text += (text.empty() ? "" : ".") + std::to_string(parts)), ...);
  return text;
}

}  // namespace

std::string version() {
  return DROVER_VERSION;
}

std::string version_with_libraries() {
  std::string text = "drover " + version() + "\n";
  const auto add = [&text](const char* library, const std::string& number) {
    text.append("  ").append(library).append(" ").append(number).append("\n");
  };
  add("libuv", net::libuv_version());
  add("llhttp", http::llhttp_version());
  add("OpenSSL", websocket::openssl_version());
  add("wslay", websocket::wslay_version());
  add("yaml-cpp", DROVER_YAML_CPP_VERSION);
  add("spdlog", dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH));
  add("nlohmann-json", dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH));
  return text;
}

}  // namespace drover::app
