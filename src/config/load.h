// From a YAML file to a Config. Never throws; thread-safe, no state.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/diagnostics.h"

namespace drover::config {

// Looks a variable of the environment up, for ${NAME}; none: unset.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
std::optional<std::string> process_environment(std::string_view name);

struct Loaded {
  std::optional<Config> config;  // none if and only if diagnostics has errors
  Diagnostics diagnostics;       // warnings too: settings that are legal and dangerous
};

// Reads and checks `path`. Relative paths inside the file are relative to its folder.
Loaded load_file(const std::string& path, const Environment& environment = process_environment);

// The same for text that is already here; `name` stands for the file in diagnostics.
Loaded load_text(std::string_view text, const std::string& name, const Environment& environment = process_environment);

// The effective configuration as YAML in the long form with every default spelled out; load_text() of it gives
// an equal configuration (unless it is longer than a file may be: aliases are spelled out too). For `drover -T`.
// No dump has a secret: one that is set is shown as "***", which the loader refuses by name. A configuration with
// secrets is therefore dumped for reading, and equal after loading only once they are put in again.
std::string to_yaml(const Config& config);
// The same keys and values as JSON, for GET /api/v1/config. load_text() takes it as well, and so a '$' stands there
// twice. Numbers and flags are such; durations, sizes, rates and shares are strings, "0" as a size too. Never null.
std::string to_json(const Config& config);

}  // namespace drover::config
