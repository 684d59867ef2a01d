// Whatever does not look exactly as Drover writes it is the client's, and taken as such.
#include "app/demo_handoff.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace drover::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kKeyPrefix = "key=";
constexpr std::size_t kKeySize = 32;
constexpr std::string_view kBegin = R"({"drover":)";

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// "v1; key=<32 hex>". Empty: it is something else, which is not for us.
std::string_view key_in(std::string_view value) {
  const auto semicolon = value.find(';');
  if (semicolon == std::string_view::npos || http::trimmed(value.substr(0, semicolon)) != DemoHandoff::kVersion)
    return {};
  auto key = http::trimmed(value.substr(semicolon + 1));
  if (!key.starts_with(kKeyPrefix)) return {};
  key.remove_prefix(kKeyPrefix.size());
  return key.size() == kKeySize && is_hex(key) ? key : std::string_view();
}

std::string text_of(const Json& message, const char* member) {
  const auto found = message.find(member);
  return found != message.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

DemoHandoff::DemoHandoff(const http::RequestHead& request)
    : key_(key_in(request.find(kHeader).value_or(""))),
      expects_enter_(takes_part() && request.find("X-Drover-Resumed").has_value()) {}

std::optional<HandoffOrder> DemoHandoff::read(std::string_view text) const {
  if (!takes_part() || !text.starts_with(kBegin)) return std::nullopt;
  const auto message = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!message.is_object() || text_of(message, "key") != key_) return std::nullopt;
  const auto verb = text_of(message, "drover");
  HandoffOrder order;
  if (verb == "leave") order.verb = HandoffOrder::Verb::kLeave;
  if (verb != "enter") return order;
  order.verb = HandoffOrder::Verb::kEnter;
  if (const auto state = message.find("state"); state != message.end()) order.state = state->dump();
  order.why = text_of(message, "why");
  order.from = text_of(message, "from");
  return order;
}

std::string DemoHandoff::left(std::string_view state) const {
  std::string message(kBegin);
  message.append(R"("left","key":")").append(key_).append(R"(","state":)").append(state);
  return message.append("}");
}

}  // namespace drover::app
