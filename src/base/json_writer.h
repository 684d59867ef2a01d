// JSON as it is written, value after value. A tree of values, as the library has it, takes 100,000 instructions for an
// object of twenty fields, so lists of thousands are appended as text. Everything beyond printable ASCII is \uXXXX.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace drover {

// The caller opens and closes in pairs, and gives a key before each value in an object; nothing here checks that.
class JsonWriter {
 public:
  JsonWriter() = default;
  explicit JsonWriter(std::size_t typical_size) { text_.reserve(typical_size); }

  void open_object() { separate().push_back('{'); }
  void close_object() { text_.push_back('}'); }
  void open_array() { separate().push_back('['); }
  void close_array() { text_.push_back(']'); }

  // `name` needs no escapes: keys are our own.
  void key(std::string_view name) { separate().append("\"").append(name).append("\":"); }
  // What is no UTF-8 in it becomes U+FFFD.
  void value(std::string_view text);
  void value(std::integral auto number) {
    char digits[24];
    const auto printed = std::to_chars(digits, std::end(digits), number);
    separate().append(digits, printed.ptr);
  }
  void value(double number);  // the shortest text that means it
  void null() { separate().append("null"); }

  template <class Value>
  void add(std::string_view name, const Value& field) {
    key(name);
    value(field);
  }

  std::string take() && { return std::move(text_); }

 private:
  // With a comma where one is due. A text ends with its quotes, so the last character tells.
  std::string& separate();

  std::string text_;
};

}  // namespace drover
