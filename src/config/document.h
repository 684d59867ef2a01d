// A YAML document as a plain tree with positions: the only door to yaml-cpp. Whatever the bytes are, parsing
// ends with a tree of bounded depth and size or with one located error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace drover::config {

// Both from 1, the column in bytes; line 0 is the file as a whole.
struct Position {
  std::size_t line = 0;
  std::size_t column = 0;
};

struct Node;
using NodePtr = std::shared_ptr<const Node>;  // shared because an alias is the node that it names

struct Entry {
  NodePtr key;
  NodePtr value;
};

enum class NodeKind : std::uint8_t { kNull, kScalar, kList, kMap };

struct Node {
  NodeKind kind = NodeKind::kNull;
  Position position;
  std::string text;            // of a scalar, before expansion
  bool quoted = false;         // a scalar in quotes or in block form: a string, never a number
  std::vector<NodePtr> items;  // of a list
  std::vector<Entry> entries;  // of a map, as written: keys of any kind, duplicates included
  std::size_t values = 1;      // nodes below and including this one, those behind aliases each time
  std::size_t height = 1;      // levels below and including this one
};

struct DocumentError {
  Position position;
  std::string message;
};

inline constexpr std::size_t kLongestFile = 2 * 1024 * 1024;  // bytes
inline constexpr std::size_t kDeepestNesting = 64;            // levels; the format itself needs 6
inline constexpr std::size_t kMostValues = 200'000;           // after aliases: they can multiply without end

// The one document in `text`; a second one is an error, and so is none.
std::expected<NodePtr, DocumentError> parse_document(std::string_view text);

// "a list", "a map", "a value", "nothing": for messages.
std::string_view name_of(NodeKind kind);

}  // namespace drover::config
