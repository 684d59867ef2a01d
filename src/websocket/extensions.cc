// A recursive-descent reader of the grammar in RFC 6455 section 9.1.
#include "websocket/extensions.h"

#include <algorithm>
#include <utility>

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

  // A token, or a quoted string that is a token once its escapes are gone, as section 9.1 demands; without quotes and
  // escapes. Empty: neither.
  std::string parameter_value() { return take('"') ? quoted_rest() : std::string(token()); }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  std::string quoted_rest() {
    for (std::string value; !rest_.empty(); rest_.remove_prefix(1)) {
      if (take_here('"')) return value;
      take_here('\\');
      if (rest_.empty() || !http::kTokenChars.contains(rest_.front())) return {};
      value.push_back(rest_.front());
    }
    return {};
  }

  // As take(), but white space counts.
  bool take_here(char expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
};

struct Parameter {
  std::string_view name;
  std::string value;  // empty: none
};

struct Extension {
  std::string_view name;  // empty: malformed
  std::vector<Parameter> parameters;
};

Extension read_extension(Reader& reader) {
  Extension extension{.name = reader.token(), .parameters = {}};
  while (!extension.name.empty() && reader.take(';')) {
    Parameter parameter{.name = reader.token(), .value = {}};
    if (parameter.name.empty()) return {};
    if (reader.take('=')) {
      parameter.value = reader.parameter_value();
      if (parameter.value.empty()) return {};
    }
    extension.parameters.push_back(std::move(parameter));
  }
  return extension;
}

// Gives each extension of the list to `each`. False: the list is malformed, and `each` may have got some.
template <class Each>
bool read_list(std::string_view line, const Each& each) {
  Reader reader(line);
  while (!reader.at_end()) {
    if (reader.take(',')) continue;
    const Extension extension = read_extension(reader);
    if (extension.name.empty()) return false;
    each(extension);
    if (!reader.at_end() && !reader.take(',')) return false;
  }
  return true;
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

void add(const Extension& extension, Extensions& all) {
  const std::string name = in_lower_case(extension.name);
  const bool deflate = name == kPermessageDeflate;
  (deflate ? all.permessage_deflate : all.others) = true;
  std::vector<std::string> parameters;
  for (const Parameter& parameter : extension.parameters) {
    std::string text = in_lower_case(parameter.name);
    if (deflate && text == "client_no_context_takeover") all.client_no_context_takeover = true;
    if (deflate && text == "server_no_context_takeover") all.server_no_context_takeover = true;
    if (deflate && text.ends_with("_max_window_bits") && parameter.value == "15") continue;
    if (!parameter.value.empty()) text.append("=").append(parameter.value);
    parameters.push_back(std::move(text));
  }
  std::ranges::sort(parameters);
  all.canonical.append(all.canonical.empty() ? "" : ",").append(name);
  for (const std::string& parameter : parameters) all.canonical.append(";").append(parameter);
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && http::kTokenChars.contains_all(text);
}

bool read_extension_names(std::string_view line, std::vector<std::string>& names) {
  return read_list(line, [&names](const Extension& extension) { names.emplace_back(extension.name); });
}

Extensions read_extensions(std::string_view answer) {
  Extensions all;
  if (read_list(answer, [&all](const Extension& extension) { add(extension, all); })) return all;
  return {.others = true, .canonical = std::string(answer)};
}

}  // namespace drover::websocket
