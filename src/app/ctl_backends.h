// `drover ctl ready|maintenance|weight`: which backend is meant, and what has become of it. Pure.
#pragma once

#include <string>
#include <vector>

#include "app/ctl_answers.h"
#include "app/ctl_command_line.h"
#include "base/error.h"

namespace drover::app {

// The backend called "pool/name", or "name" where one pool alone has it; either may hold '/', ':' and '@'. Error:
// kUnavailable where none or several are.
Result<BackendAnswer> pick_backend(const std::vector<PoolAnswer>& pools, const std::string& written);

// The request that brings the change of `line` about.
struct Change {
  std::string method, target, body;
};
Change change_of(const CtlLine& line, const BackendAnswer& backend);

// "chat/web-1: maintenance (was ready)" as a line. `before` is the backend as it was, `note` what Drover adds.
std::string change_text(const CtlLine& line, const BackendAnswer& before, const std::string& note);

}  // namespace drover::app
