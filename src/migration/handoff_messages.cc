// Openings are read token by token, since most of what backends send is not Drover's and shows that within a few
// bytes. The library gets only what needs it: the state, which is passed on as it came.
#include "migration/handoff_messages.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "http/head.h"

namespace drover::migration {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kVersion = "v1";
constexpr std::string_view kSpace = " \t\n\r";  // RFC 8259 section 2
constexpr std::size_t kLongestVerb = 32;

std::string_view without_space(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Once a step has failed, the later ones do nothing, and outcome() says whether more text could have helped.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void take(std::string_view token) {
    if (what_ != Opening::What::kOurs) return;
    at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size());
    const auto there = text_.substr(at_, token.size());
    at_ += there.size();
    if (there == token) return;
    what_ = token.starts_with(there) ? Opening::What::kUnclear : Opening::What::kForeign;
  }

  // A string without escapes; without its quotes.
  std::string_view take_verb() {
    take("\"");
    if (what_ != Opening::What::kOurs) return {};
    const auto rest = text_.substr(at_);
    const auto ends = [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' '; };
    const auto size = static_cast<std::size_t>(std::ranges::find_if(rest, ends) - rest.begin());
    if (size > kLongestVerb || (size < rest.size() && rest[size] != '"')) {
      what_ = Opening::What::kForeign;
    } else if (size == rest.size()) {
      what_ = Opening::What::kUnclear;
    }
    at_ += std::min(size + 1, rest.size());
    return rest.substr(0, size);
  }

  Opening::What outcome() const { return what_; }
  std::size_t at() const { return at_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  Opening::What what_ = Opening::What::kOurs;  // so far
};

Verb verb_of(std::string_view name) {
  if (name == "left") return Verb::kLeft;
  return name == "leaving" ? Verb::kLeaving : Verb::kOther;
}

// The library takes a byte order mark for nothing, and a NUL for the end.
bool is_one_value(std::string_view text) {
  return !text.starts_with('\xef') && text.find('\0') == std::string_view::npos && Json::accept(text);
}

}  // namespace

std::string handoff_offer(std::string_view key) {
  return std::string(kVersion).append("; key=").append(key);
}

bool takes_part(std::string_view header_value) {
  for (auto version = http::next_element(header_value); !version.empty(); version = http::next_element(header_value)) {
    if (http::same_name(http::trimmed(version.substr(0, version.find(';'))), kVersion)) return true;
  }
  return false;
}

std::string leave_text(std::string_view key) {
  return std::string(R"({"drover":"leave","key":")").append(key).append(R"("})");
}

std::string_view name_of(EnterWhy why) {
  switch (why) {
    case EnterWhy::kLeft: return "left";
    case EnterWhy::kForced: return "forced";
    case EnterWhy::kToken: return "token";
    case EnterWhy::kClosed: return "closed";
    case EnterWhy::kRescued: return "rescued";
  }
  return "";
}

std::string enter_text(const Enter& enter) {
  std::string text = R"({"drover":"enter","key":")";
  text.append(enter.key).append(R"(","why":")").append(name_of(enter.why)).append(R"(","state":)");
  text.append(enter.state.empty() ? "null" : enter.state);
  // Text frames are UTF-8 (RFC 6455 section 5.6): what of a name is none is replaced, not thrown over.
  text.append(R"(,"from":)").append(Json(enter.from).dump(-1, ' ', false, Json::error_handler_t::replace));
  return text.append("}");
}

Opening read_opening(std::string_view text, std::string_view key) {
  Reader reader(text);
  reader.take("{");
  reader.take("\"drover\"");
  reader.take(":");
  const auto verb = reader.take_verb();
  reader.take(",");
  reader.take("\"key\"");
  reader.take(":");
  reader.take("\"");
  // No white space here.
  if (reader.outcome() != Opening::What::kOurs) return {.what = reader.outcome()};
  const auto rest = text.substr(reader.at());
  const auto there = rest.substr(0, key.size());
  if (there != key.substr(0, there.size())) return {};
  if (rest.size() <= key.size()) return {.what = Opening::What::kUnclear};
  if (rest[key.size()] != '"') return {};
  return {.what = Opening::What::kOurs, .verb = verb_of(verb), .size = reader.at() + key.size() + 1};
}

std::optional<std::string_view> state_of(std::string_view message, std::size_t opening_size) {
  auto rest = without_space(message.substr(opening_size));
  if (!rest.ends_with('}')) return std::nullopt;
  rest.remove_suffix(1);
  if (without_space(rest).empty()) return "null";
  Reader reader(rest);
  reader.take(",");
  reader.take("\"state\"");
  reader.take(":");
  if (reader.outcome() != Opening::What::kOurs) return std::nullopt;
  const auto value = without_space(rest.substr(reader.at()));
  if (!is_one_value(value)) return std::nullopt;
  return value;
}

}  // namespace drover::migration
