// A recursive-descent reader of the grammar in RFC 6455 section 9.1.
#include "websocket/extensions.h"

#include <algorithm>

#include "http/char_set.h"

namespace drover::websocket {
namespace {

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
    return take_here(expected);
  }

  // Empty: there is no token here.
  std::string_view token() {
    skip_space();
    const auto taken = rest_.substr(0, http::kTokenChars.length_in(rest_));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  // A token, or a quoted string that is a token once its escapes are gone, as section 9.1 demands. False: neither.
  bool parameter_value() { return take('"') ? quoted_rest() : !token().empty(); }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  bool quoted_rest() {
    for (bool empty = true; !rest_.empty(); empty = false) {
      if (take_here('"')) return !empty;
      take_here('\\');
      if (rest_.empty() || !http::kTokenChars.contains(rest_.front())) return false;
      rest_.remove_prefix(1);
    }
    return false;
  }

  // As take(), but white space counts.
  bool take_here(char expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
};

// Empty: malformed.
std::string_view read_extension(Reader& reader) {
  const auto name = reader.token();
  while (!name.empty() && reader.take(';')) {
    if (reader.token().empty()) return {};
    if (reader.take('=') && !reader.parameter_value()) return {};
  }
  return name;
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && http::kTokenChars.contains_all(text);
}

bool read_extension_names(std::string_view line, std::vector<std::string>& names) {
  Reader reader(line);
  while (!reader.at_end()) {
    if (reader.take(',')) continue;
    const auto name = read_extension(reader);
    if (name.empty()) return false;
    names.emplace_back(name);
    if (!reader.at_end() && !reader.take(',')) return false;
  }
  return true;
}

}  // namespace drover::websocket
