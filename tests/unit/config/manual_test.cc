// The manual page and the sample files against the schema: what the loader knows is documented with its default,
// and nothing else is.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "config/document.h"
#include "config/schema.h"
#include "loading.h"

namespace drover::config {
namespace {

constexpr std::string_view kSource = DROVER_SOURCE_DIR;

std::string contents(std::string_view path) {
  std::ifstream file(std::string(kSource) + "/" + std::string(path));
  REQUIRE_MESSAGE(file.good(), path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Leaf {
  std::string path;  // as in the manual: "pools.NAME.backends[].weight"
  Status status;
  Shape shape;
};

// Every key of the schema but the later ones and the maps that only group others.
void collect(const Section& section, const std::string& prefix, std::vector<Leaf>& leaves) {
  for (const Key& key : section.keys) {
    const std::string path = prefix + std::string(key.name);
    if (key.status == Status::kLater) continue;
    if (key.shape != Shape::kMap) leaves.push_back({path, key.status, key.shape});
    switch (key.shape) {
      case Shape::kMap: collect(*key.section, path + ".", leaves); break;
      case Shape::kMaps:
      case Shape::kMapsOrScalars: collect(*key.section, path + "[].", leaves); break;
      case Shape::kNamedMaps: collect(*key.section, path + ".NAME.", leaves); break;
      default: break;
    }
  }
}

std::vector<Leaf> all_leaves() {
  std::vector<Leaf> leaves;
  collect(kTopSection, "", leaves);
  return leaves;
}

// The nodes at `path`: "[]" takes every item, "NAME" every value.
std::vector<NodePtr> nodes_at(const NodePtr& root, const std::string& path) {
  std::vector<NodePtr> nodes{root};
  std::istringstream segments(path);
  for (std::string segment; std::getline(segments, segment, '.');) {
    const bool items = segment.ends_with("[]");
    if (items) segment.resize(segment.size() - 2);
    std::vector<NodePtr> next;
    for (const NodePtr& node : nodes)
      for (const Entry& entry : node->entries)
        if (segment == "NAME" || entry.key->text == segment) {
          if (items)
            next.insert(next.end(), entry.value->items.begin(), entry.value->items.end());
          else
            next.push_back(entry.value);
        }
    nodes = std::move(next);
  }
  return nodes;
}

NodePtr tree(const std::string& text) {
  const auto parsed = parse_document(text);
  REQUIRE(parsed.has_value());
  return *parsed;
}

// What the loader takes where the key is left out, from the dump of a configuration that leaves all out.
std::string default_of(const Leaf& leaf) {
  static const NodePtr effective = tree(to_yaml(load(kBase).config.value()));
  if (leaf.status == Status::kRequired) return "required";
  if (leaf.path == "pools.NAME.backends[].name") return "default the address";
  const auto nodes = nodes_at(effective, leaf.path);
  if (nodes.empty()) return "no default";
  const Node& node = *nodes.front();
  if (node.kind == NodeKind::kScalar) return "default " + node.text;
  const bool empty_list = node.kind == NodeKind::kList && node.items.empty();
  return empty_list ? "default []" : "no default";  // listeners, routes and pools: from the base
}

}  // namespace

TEST_CASE("the manual has every key of the schema with its default, and no other") {
  std::map<std::string, std::string> documented;  // path → "default 5s", "required", "no default"
  std::istringstream page(contents("man/drover.yaml.5"));
  for (std::string line; std::getline(page, line);) {
    constexpr std::string_view kItem = ".It Ic ";
    if (!line.starts_with(kItem)) continue;
    const std::size_t end = line.find(" Pq ");
    REQUIRE_MESSAGE(end != std::string::npos, line);
    const auto [place, added] = documented.emplace(line.substr(kItem.size(), end - kItem.size()), line.substr(end + 4));
    CHECK_MESSAGE(added, "documented twice: ", place->first);
  }
  for (const Leaf& leaf : all_leaves()) {
    CAPTURE(leaf.path);
    const auto found = documented.find(leaf.path);
    CHECK_MESSAGE(found != documented.end(), "not documented");
    if (found == documented.end()) continue;
    CHECK(found->second == default_of(leaf));
    documented.erase(found);
  }
  for (const auto& [path, text] : documented) FAIL_CHECK("documented, but not in the schema: ", path);
}

TEST_CASE("every key of the schema is read") {
  // A control character in an escape passes for a scalar until a reader asks for its text.
  for (const Leaf& leaf : all_leaves()) {
    if (leaf.shape == Shape::kMaps || leaf.shape == Shape::kNamedMaps) continue;  // their keys are read
    const bool list = leaf.shape == Shape::kScalars || leaf.shape == Shape::kMapsOrScalars;
    std::string text;
    std::string closing;
    std::string reported;
    std::istringstream segments(leaf.path);
    for (std::string segment; std::getline(segments, segment, '.');) {
      const bool items = segment.ends_with("[]");
      if (items) segment.resize(segment.size() - 2);
      text += "{\"" + segment + (items ? "\": [" : "\": ");
      closing = (items ? "]}" : "}") + closing;
      reported += (reported.empty() ? "" : ".") + segment + (items ? "[0]" : "");
    }
    text += (list ? R"(["\x01"])" : R"("\x01")") + closing;
    CAPTURE(text);
    CHECK(complaints(text).find("'" + reported + (list ? "[0]" : "") + "' must be one line of text") !=
          std::string::npos);
  }
}

TEST_CASE("the annotated file loads clean, and has every key at its default") {
  const std::string text = contents("conf/drover.yaml");
  CHECK(complaints(text) == "");
  const NodePtr root = tree(text);
  for (const Leaf& leaf : all_leaves()) {
    if (leaf.path == "listen") continue;  // the other form of 'listeners'
    CAPTURE(leaf.path);
    const auto nodes = nodes_at(root, leaf.path);
    CHECK_FALSE(nodes.empty());
    const std::string expected = default_of(leaf);
    if (nodes.empty() || !expected.starts_with("default ") || expected == "default the address") continue;
    const Node& node = *nodes.front();
    CHECK("default " + (node.kind == NodeKind::kList ? "[]" : node.text) == expected);
  }
}

TEST_CASE("the smallest file and the example of the manual load clean") {
  CHECK(complaints(contents("conf/minimal.yaml")) == "");
  const std::string page = contents("man/drover.yaml.5");
  const std::size_t section = page.find(".Sh EXAMPLES");
  REQUIRE(section != std::string::npos);
  const std::size_t begin = page.find("indent\n", section) + 7;
  const std::string example = page.substr(begin, page.find(".Ed", begin) - begin);
  CHECK(complaints(example) == "");
}

}  // namespace drover::config
