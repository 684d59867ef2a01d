// An empty object is what many HTTP libraries send for nothing.
#include "admin/no_body.h"

#include <nlohmann/json.hpp>

namespace drover::admin {

std::expected<void, Reply> check_no_settings(std::string_view body) {
  if (body.empty()) return {};
  const auto json = nlohmann::json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.empty()) return {};
  return std::unexpected(failure(400, "there is nothing to set here: the body is empty or {}"));
}

}  // namespace drover::admin
