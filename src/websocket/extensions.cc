// A recursive-descent reader of the grammar in RFC 6455 section 9.1.
#include "websocket/extensions.h"

#include <algorithm>
#include <utility>

namespace drover::websocket {
namespace {

bool is_tchar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

// Every method leaves the white space behind what it has read to the next one.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool at_end() {
    skip_space();
    return rest_.empty();
  }

  bool take(char expected) {
    skip_space();
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Empty: there is no token here.
  std::string token() {
    skip_space();
    const auto end = std::ranges::find_if_not(rest_, is_tchar);
    std::string taken(rest_.begin(), end);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  // A token, or a quoted string that is a token once its escapes are gone, as section 9.1 demands. None: neither.
  std::optional<std::string> parameter_value() {
    std::optional<std::string> value = take('"') ? quoted_rest() : token();
    if (value && !is_token(*value)) value.reset();
    return value;
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  std::optional<std::string> quoted_rest() {
    std::string value;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return value;
      if (c == '\\') {
        if (rest_.empty()) break;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      value.push_back(c);
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

std::optional<Extension> read_extension(Reader& reader) {
  Extension extension{.name = reader.token(), .parameters = {}};
  if (extension.name.empty()) return std::nullopt;
  while (reader.take(';')) {
    ExtensionParameter parameter{.name = reader.token(), .value = std::nullopt};
    if (parameter.name.empty()) return std::nullopt;
    if (reader.take('=')) {
      parameter.value = reader.parameter_value();
      if (!parameter.value) return std::nullopt;
    }
    extension.parameters.push_back(std::move(parameter));
  }
  return extension;
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_tchar);
}

std::optional<std::vector<Extension>> parse_extensions(std::string_view line) {
  std::vector<Extension> extensions;
  Reader reader(line);
  while (!reader.at_end()) {
    if (reader.take(',')) continue;
    auto extension = read_extension(reader);
    if (!extension) return std::nullopt;
    extensions.push_back(std::move(*extension));
    if (!reader.at_end() && !reader.take(',')) return std::nullopt;
  }
  return extensions;
}

}  // namespace drover::websocket
