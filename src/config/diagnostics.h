// What is wrong with a configuration file, and where: all of it at once, in the order of the file.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace drover::config {

enum class Severity { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string file;
  std::size_t line = 0;    // from 1; 0: the file as a whole
  std::size_t column = 0;  // from 1
  std::string message;     // what is wrong, what was expected, and "did you mean '…'?" where a key is near

  // "chat.yaml:12:5: error: unknown key 'lisen'; did you mean 'listen'?"
  std::string text() const;
};

class Diagnostics {
 public:
  void add(Diagnostic diagnostic) { list_.push_back(std::move(diagnostic)); }
  bool has_errors() const;
  const std::vector<Diagnostic>& list() const { return list_; }
  // Sorted by position, one a line, each ended by '\n'.
  std::string text() const;

 private:
  std::vector<Diagnostic> list_;
};

}  // namespace drover::config
