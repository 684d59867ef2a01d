// What the tests of the loader share: loading a text, and its diagnostics as one string.
#pragma once

#include <string>
#include <string_view>

#include "config/load.h"

namespace drover::config {

inline std::optional<std::string> no_environment(std::string_view /*name*/) {
  return std::nullopt;
}

inline Loaded load(std::string_view text, const Environment& environment = no_environment) {
  return load_text(text, "t", environment);
}

// All diagnostics, each "t:line:column: severity: message\n".
inline std::string complaints(std::string_view text, const Environment& environment = no_environment) {
  return load(text, environment).diagnostics.text();
}

// A valid short form to which a test adds what it is about; two lines.
inline const std::string kBase = "listen: ':8080'\nbackends: ['127.0.0.1:9001', '127.0.0.1:9002']\n";

}  // namespace drover::config
