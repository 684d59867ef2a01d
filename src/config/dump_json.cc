// The dump once more, from its YAML: two descriptions of one configuration would drift apart.
#include <nlohmann/json.hpp>

#include "config/document.h"
#include "config/load.h"
#include "config/values.h"

namespace drover::config {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNull: return {};
    case NodeKind::kScalar:
      if (!node.quoted) {
        if (const auto value = parse_flag(node.text)) return *value;
        if (const auto value = parse_number(node.text)) return *value;
        if (const auto value = parse_decimal(node.text)) return *value;
      }
      return node.text;
    case NodeKind::kList: {
      auto list = Json::array();
      for (const auto& item : node.items) list.push_back(json_of(*item));
      return list;
    }
    case NodeKind::kMap: {
      auto map = Json::object();
      for (const auto& entry : node.entries) map[entry.key->text] = json_of(*entry.value);
      return map;
    }
  }
  return {};
}

}  // namespace

std::string to_json(const Config& config) {
  const auto tree = parse_document(to_yaml(config));
  return tree ? json_of(**tree).dump(2) + "\n" : tree.error().message;
}

}  // namespace drover::config
