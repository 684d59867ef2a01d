// What is kept of a client that may be asked to reconnect: rare beside the sessions that never say they understand it,
// so it is a part of its own.
#pragma once

#include <memory>
#include <string>

#include "migration/resume_token.h"

namespace drover::proxy {

struct OptIn {
  std::string url;     // the client's own, as it would open it again: drover_migrate kept, an old token dropped
  bool asked = false;  // the client said so itself; else only `notify: always` has it told
  // Those that sign its token.
  std::shared_ptr<const migration::TokenKeys> keys;
};

}  // namespace drover::proxy
