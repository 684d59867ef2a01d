// A configuration as a few digits, by which two Drovers can be compared.
#pragma once

#include <string>

#include "config/config.h"

namespace drover::app {

// Of what `drover -T` prints, so without secrets: /metrics is open to all, and a short secret could be guessed from it.
std::string config_hash(const config::Config& config);

}  // namespace drover::app
