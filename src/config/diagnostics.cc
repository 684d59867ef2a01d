// Diagnostics as text, the way compilers print them, so that editors can jump to the place.
#include "config/diagnostics.h"

#include <algorithm>
#include <tuple>

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
  std::vector<Diagnostic> sorted = list_;
  std::ranges::stable_sort(sorted, {}, [](const Diagnostic& each) { return std::tuple(each.line, each.column); });
  std::string lines;
  for (const Diagnostic& each : sorted) lines += each.text() + "\n";
  return lines;
}

}  // namespace drover::config
