// The query of a target, RFC 3986 section 3.4: "pool=chat&limit=10".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace drover::admin {

// The values of the parameters `names`, decoded, in that order; empty where one is not given. Error: kBadRequest, for
// other names, a name given twice and a '%' without its digits. It says which are allowed and quotes no value.
Result<std::vector<std::string>> read_query(std::string_view query, std::span<const std::string_view> names);

}  // namespace drover::admin
