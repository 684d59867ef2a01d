// Diagnostics as text, the way compilers print them, so that editors can jump to the place.
#include "config/diagnostics.h"

#include <algorithm>
#include <map>
#include <utility>

namespace drover::config {

std::string Diagnostic::text() const {
  std::string place = file;
  if (line > 0) place += ":" + std::to_string(line) + ":" + std::to_string(column);
  return place + (severity == Severity::kError ? ": error: " : ": warning: ") + message;
}

bool Diagnostics::has_errors() const {
  return std::ranges::any_of(list_, [](const Diagnostic& each) { return each.severity == Severity::kError; });
}

std::string Diagnostics::text() const {
  std::multimap<std::pair<std::size_t, std::size_t>, const Diagnostic*> sorted;  // equal places in the order of add()
  for (const Diagnostic& each : list_) sorted.emplace(std::pair(each.line, each.column), &each);
  std::string lines;
  for (const auto& [place, diagnostic] : sorted) lines += diagnostic->text() + "\n";
  return lines;
}

}  // namespace drover::config
