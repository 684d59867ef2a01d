// Linear scans: a head has a dozen lines, and an index would cost more than it saves.
#include "http/head.h"

#include <algorithm>

namespace drover::http {
namespace {

constexpr bool is_white_space(char c) {
  return c == ' ' || c == '\t';
}

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_white_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view next_element(std::string_view& rest) {
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto element = trimmed(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (!element.empty()) return element;
  }
  return {};
}

std::optional<std::string_view> HeaderList::find(HeaderName name) const {
  for (const Line& line : lines_) {
    if (line.name_class.known == name) return view(line.value);
  }
  return std::nullopt;
}

std::optional<std::string_view> HeaderList::find(std::string_view name) const {
  for (const Line& line : lines_) {
    if (same_name(view(line.name), name)) return view(line.value);
  }
  return std::nullopt;
}

std::size_t HeaderList::count(HeaderName name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [name](const Line& line) { return line.name_class.known == name; }));
}

std::size_t HeaderList::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [&](const Line& line) { return same_name(view(line.name), name); }));
}

bool HeaderList::has_token(HeaderName name, std::string_view token) const {
  for (const Line& line : lines_) {
    if (line.name_class.known != name) continue;
    auto rest = view(line.value);
    for (auto element = next_element(rest); !element.empty(); element = next_element(rest)) {
      if (same_name(element, token)) return true;
    }
  }
  return false;
}

std::string_view RequestHead::path() const {
  auto path = target();
  path = path.substr(0, path.find('?'));
  if (path.starts_with('/') || path == "*") return path;
  // Absolute form: what follows the authority; an empty path means "/", RFC 9112 section 3.2.1.
  const auto authority = path.find("://");
  const auto slash = authority == std::string_view::npos ? authority : path.find('/', authority + 3);
  return slash == std::string_view::npos ? "/" : path.substr(slash);
}

std::string_view RequestHead::query() const {
  const auto mark = target().find('?');
  return mark == std::string_view::npos ? std::string_view() : target().substr(mark + 1);
}

std::string_view RequestHead::host() const {
  return find(HeaderName::kHost).value_or(std::string_view());
}

}  // namespace drover::http
