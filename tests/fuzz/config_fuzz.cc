// Arbitrary bytes as a configuration file: never a crash, a configuration or errors but not both, and what
// loads is dumped to a text that loads to the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "config/document.h"
#include "config/load.h"

namespace {

using drover::config::Config;
using drover::config::load_text;
using drover::config::Loaded;

std::optional<std::string> environment(std::string_view name) {
  if (name == "PORT") return "9001";
  if (name == "TEXT") return "a$b \"c\" ${PORT}";
  return std::nullopt;
}

void expect(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::cerr << what << ":\n" << text << '\n';
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Loaded loaded = load_text(text, "fuzz.yaml", environment);
  const std::string complaints = loaded.diagnostics.text();
  expect(loaded.config.has_value() != loaded.diagnostics.has_errors(), "neither or both", complaints);
  if (!loaded.config) return 0;
  Config config = *loaded.config;
  config.admin.token = config.admin.load_token = "";  // a dump does not tell them
  const std::string dump = to_yaml(config);
  if (dump.size() > drover::config::kLongestFile) return 0;  // aliases and defaults spelled out can exceed the limit
  const Loaded again = load_text(dump, "fuzz.yaml", environment);
  expect(again.config.has_value(), "the dump does not load", dump + again.diagnostics.text());
  expect(*again.config == config, "the dump differs", dump + to_yaml(*again.config));
  const Loaded from_json = load_text(to_json(config), "fuzz.yaml", environment);
  expect(from_json.config.has_value(), "the JSON does not load", to_json(config) + from_json.diagnostics.text());
  expect(*from_json.config == config, "the JSON differs", dump + to_json(config));
  return 0;
}
