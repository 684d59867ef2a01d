// What to_yaml() and to_json() print, for those who compare configurations key by key.
#pragma once

#include "config/config.h"
#include "config/dump_tree.h"

namespace drover::config {

// Every key of the file format in the order of conf/drover.yaml, the secrets among them: the printers hide those.
DumpValue tree_of(const Config& config);

}  // namespace drover::config
