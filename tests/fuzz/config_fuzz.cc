// Arbitrary bytes as a configuration file: never a crash, a configuration or errors but not both, and what
// loads is dumped to a text that loads to the same.
#include <algorithm>
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
  if (!config.admin.token.empty()) {  // a dump does not tell it, and without it the address may be refused
    config.admin.token = config.admin.load_token = "";
    config.admin.bind.reset();
  }
  config.resume.secrets.clear();  // a dump does not tell them either
  const std::string dump = to_yaml(config);
  const std::string json = to_json(config);
  // Aliases and defaults spelled out can exceed the limit.
  if (std::max(dump.size(), json.size()) > drover::config::kLongestFile) return 0;
  const Loaded again = load_text(dump, "fuzz.yaml", environment);
  expect(again.config.has_value(), "the dump does not load", dump + again.diagnostics.text());
  expect(*again.config == config, "the dump differs", dump + to_yaml(*again.config));
  const Loaded from_json = load_text(json, "fuzz.yaml", environment);
  expect(from_json.config.has_value(), "the JSON does not load", json + from_json.diagnostics.text());
  expect(*from_json.config == config, "the JSON differs", dump + json);
  return 0;
}
