// A dump before it is spelled: maps in order, lists, scalars. YAML and JSON are printed from the same tree, so that
// they cannot say different things.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace drover::config {

struct DumpEntry;

struct DumpValue {
  enum class Kind : std::uint8_t {
    kLiteral,   // a number or a flag: bare in both
    kWord,      // the format's own, such as "5s" or "auto": bare in YAML, a string in JSON
    kText,      // anything else: in quotes in both
    kSecret,    // a text that no dump shows: "***" stands for it, and an empty one for none
    kList,      // of scalars, or of maps with at least one entry
    kMap,       // its keys are the format's
    kNamedMap,  // its keys are names of the operator's: in quotes in both
  };
  Kind kind = Kind::kText;
  std::string text;                // of a scalar, before "$" is doubled
  std::vector<DumpValue> items;    // of a list
  std::vector<DumpEntry> entries;  // of a map
};

struct DumpEntry {
  std::string key;
  DumpValue value;
};

// Both take a map with at least one entry and end with a line end. No text may have control characters.
std::string print_yaml(const DumpValue& map);
std::string print_json(const DumpValue& map);
// Any value for people, in one line and with "$" as it is: `{path: "/ws", websocket: true}`. Secrets are hidden here
// too.
std::string print_line(const DumpValue& value);

}  // namespace drover::config
