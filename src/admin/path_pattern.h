// The paths of the admin API: "/api/v1/backends/{pool}/{name}/load" against what a client wrote. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drover::admin {

// What stands in `path` for each {…} of `pattern`, as written; none: they do not match. A parameter is one segment, the
// empty one too, and there is no other wildcard.
std::optional<std::vector<std::string_view>> match(std::string_view pattern, std::string_view path);

// RFC 3986 section 2.1; none: a '%' without two hexadecimal digits behind it.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace drover::admin
