// What every reader of a section needs: walking the tree by key with the path for messages, reporting, and typed
// scalars that are expanded, parsed and checked against a range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/addresses.h"
#include "config/config.h"
#include "config/diagnostics.h"
#include "config/document.h"
#include "config/load.h"

namespace drover::config {

// A place in the tree. Of the wrong kind it has no children: structure.h has reported it already.
struct Field {
  const Node* node = nullptr;  // null: absent
  std::string path;            // "pools.chat.timeouts.connect", "routes[0]"; empty for the top

  bool present() const { return node != nullptr; }
  bool is(NodeKind kind) const { return node != nullptr && node->kind == kind; }
  Position position() const { return node != nullptr ? node->position : Position{}; }
  Field operator[](std::string_view key) const;  // the first of that name
  Field item(std::size_t index) const;           // of a list
  std::size_t size() const { return is(NodeKind::kList) ? node->items.size() : 0; }
  std::string child_path(std::string_view key) const;
};

// A word of a closed set; one without a value is known and not implemented yet.
template <class Value>
struct Choice {
  std::string_view word;
  std::optional<Value> value;
};

// Thrown out of the readers, and caught by the loader: the rest of the file would only bury what is reported.
struct TooManyErrors {};
inline constexpr std::size_t kMostErrors = 200;
inline constexpr std::size_t kLongestPath = 4095;  // bytes: PATH_MAX without its NUL

class Reader {
 public:
  // All three must outlive the reader.
  Reader(Diagnostics& diagnostics, const std::string& file, const Environment& environment)
      : diagnostics_(diagnostics), file_(file), environment_(environment) {}

  const std::string& file() const { return file_; }
  // Throws TooManyErrors once it is no use to go on.
  void error(Position position, std::string message);
  void warn(Position position, std::string message);
  bool failed() const { return errors_ > 0; }

  // An absent scalar, and one of the wrong kind, leaves `out` as it is; a wrong one is reported.
  std::optional<std::string> text(const Field& field);
  // The same for what no message may repeat.
  std::optional<std::string> secret(const Field& field);
  void flag(const Field& field, bool& out);
  void duration(const Field& field, milliseconds least, milliseconds& out);
  void decimal(const Field& field, double least, double most, double& out);
  void share(const Field& field, double& out);
  // How fast sessions are closed or moved, a rate: 0.01/s to 1000000/s.
  void pace(const Field& field, double& out);
  // The same, or `auto`: none.
  void pace(const Field& field, std::optional<double>& out);
  void size(const Field& field, std::uint64_t least, std::uint64_t most, std::uint64_t& out);
  template <class Number>
  void number(const Field& field, Number least, Number most, Number& out) {
    if (const auto value = number_between(field, least, most)) out = static_cast<Number>(*value);
  }
  std::optional<Endpoint> endpoint(const Field& field);
  // The absolute path of the file that `text`, the field's, names; a relative one starts at the folder of the
  // configuration file. Whether there is such a file is not looked at.
  std::optional<std::string> absolute_path(const Field& field, const std::string& text);
  template <class Value>
  void choice(const Field& field, std::span<const Choice<Value>> choices, Value& out);
  // The same for a word that has been read already.
  template <class Value>
  void choice(const Field& field, const std::string& word, std::span<const Choice<Value>> choices, Value& out);

  // Reports where the parser refuses.
  template <class Parse>
  auto parsed(const Field& field, const std::string& text, Parse parse)
      -> std::optional<typename decltype(parse(text))::value_type> {
    auto result = parse(text);
    if (result) return *std::move(result);
    error(field.position(), "'" + field.path + "': " + result.error().detail);
    return std::nullopt;
  }

 private:
  struct Scalar {
    std::string text;
    bool quoted = false;
  };
  enum class Repeat : std::uint8_t { kInMessages, kNever };
  std::optional<Scalar> scalar(const Field& field, Repeat repeat);
  std::optional<std::string> unquoted(const Field& field, std::string_view expected);
  std::optional<double> pace_in(const Field& field, const std::string& text, std::string_view also);
  std::optional<std::uint64_t> number_between(const Field& field, std::uint64_t least, std::uint64_t most);
  void report_range(const Field& field, const std::string& text, const std::string& least, const std::string& most);
  void refuse_choice(const Field& field, const std::string& word, std::span<const std::string_view> words,
                     std::span<const std::string_view> later);

  Diagnostics& diagnostics_;
  const std::string& file_;
  const Environment& environment_;
  std::size_t errors_ = 0;
};

template <class Value>
void Reader::choice(const Field& field, std::span<const Choice<Value>> choices, Value& out) {
  if (const auto word = text(field)) choice(field, *word, choices, out);
}

template <class Value>
void Reader::choice(const Field& field, const std::string& word, std::span<const Choice<Value>> choices, Value& out) {
  std::vector<std::string_view> words;
  std::vector<std::string_view> later;
  for (const Choice<Value>& each : choices) {
    if (each.value && each.word == word) {
      out = *each.value;
      return;
    }
    (each.value ? words : later).push_back(each.word);
  }
  refuse_choice(field, word, words, later);
}

}  // namespace drover::config
