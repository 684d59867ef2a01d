// The keys of the file format, as tables: what exists, what is known and not implemented yet, and how the parts
// nest. Meaning, ranges and defaults are elsewhere (read_*.cc, config.h).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace drover::config {

enum class Status : std::uint8_t {
  kOptional,
  kRequired,
  kLater,  // documented for a later version: refused by name, whatever its value
};

enum class Shape : std::uint8_t {
  kScalar,
  kScalarOrScalars,
  kScalars,
  kMap,            // its keys: Key::section
  kMaps,           // a list of maps
  kMapsOrScalars,  // a list in which a scalar is short for a map
  kNamedMaps,      // a map from free names to maps
  kWord,           // a scalar, or a map from one word to its settings; Key::section: the words that have any
};

struct Section;

struct Key {
  std::string_view name;
  Status status = Status::kLater;
  Shape shape = Shape::kScalar;
  const Section* section = nullptr;
};

struct Section {
  std::span<const Key> keys;
  const Section* also = nullptr;  // keys taken here too, for the short form

  const Key* find(std::string_view name) const;  // null: unknown
  std::vector<std::string_view> names() const;
};

extern const Section kTopSection;
extern const Section kPoolSection;
extern const Section kPoolLimitsSection;

}  // namespace drover::config
