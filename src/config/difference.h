// What would change if one configuration took the place of another: lines for people, and what a running Drover cannot
// change. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace drover::config {

// One line for each change, in the order of the file: `limits.max_headers 100 -> 64`, `listener ":8443" is opened`,
// `pool chat: backend web-3 (10.0.1.12:8080) is added`. Of a secret only that it is changed. None if and only if the
// two are equal but for `file`: what a reload goes by. What is in the files that they name is not looked at.
// A listener is known by its `bind`, a pool by its name, a backend by pool, name and address, a route by its match.
std::vector<std::string> differences(const Config& before, const Config& after);

// Why a Drover that runs with `before` would refuse `after`: `workers: auto -> 4 needs a restart`. Empty: it would not.
std::vector<std::string> not_live(const Config& before, const Config& after);

}  // namespace drover::config
