// Which llhttp was built in: for `drover -V`.
#pragma once

#include <string>

namespace drover::http {

std::string llhttp_version();  // "8.1.0"

}  // namespace drover::http
