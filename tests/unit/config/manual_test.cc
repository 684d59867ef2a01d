// The manual page and the sample files against the schema: what the loader knows is documented with its default,
// and nothing else is.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "config/document.h"
#include "config/policy_names.h"
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
  bool of_word = false;  // a setting of a word that is not the default
};

// Every key of the schema but the later ones and the maps that only group others.
void collect(const Section& section, const std::string& prefix, bool of_word, std::vector<Leaf>& leaves) {
  for (const Key& key : section.keys) {
    const std::string path = prefix + std::string(key.name);
    if (key.status == Status::kLater) continue;
    if (key.shape != Shape::kMap) leaves.push_back({path, key.status, key.shape, of_word});
    switch (key.shape) {
      case Shape::kMap: collect(*key.section, path + ".", of_word, leaves); break;
      case Shape::kMaps:
      case Shape::kMapsOrScalars: collect(*key.section, path + "[].", of_word, leaves); break;
      case Shape::kNamedMaps: collect(*key.section, path + ".NAME.", of_word, leaves); break;
      case Shape::kWord: collect(*key.section, path + ".", true, leaves); break;
      default: break;
    }
  }
}

std::vector<Leaf> all_leaves() {
  std::vector<Leaf> leaves;
  collect(kTopSection, "", false, leaves);
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

// The annotated file with what is off as a whole. Such lines have a comment sign in one column, with nothing between it
// and the first key.
std::string switched_on(const std::string& annotated) {
  std::istringstream lines(annotated);
  std::string text;
  std::size_t column = std::string::npos;  // of the comment signs; npos: outside
  for (std::string line; std::getline(lines, line);) {
    const std::size_t sign = line.find_first_not_of(' ');
    const bool comment = sign != std::string::npos && line[sign] == '#';
    if (comment && sign + 1 < line.size() && line[sign + 1] >= 'a' && line[sign + 1] <= 'z') column = sign;
    if (!comment || sign != column) column = std::string::npos;
    if (column != std::string::npos) line.erase(sign, 1);
    text += line + "\n";
  }
  return text;
}

// What the loader takes where the key is left out, from the dump of a configuration that leaves all out.
std::string default_of(const Leaf& leaf) {
  static const NodePtr usual = tree(to_yaml(load("listeners: [{bind: ':1', tls: {certificates: [{cert: a, key: b}]}}]\n"
                                                 "backends: [{address: 'a:1', tls: {}}]\n")
                                                .config.value()));
  static const NodePtr hashing = tree(to_yaml(load(kBase + "policy: consistent_hash\n").config.value()));
  if (leaf.status == Status::kRequired) return "required";
  if (leaf.path == "pools.NAME.backends[].name") return "default the address";
  const auto nodes = nodes_at(leaf.of_word ? hashing : usual, leaf.path);
  if (nodes.empty()) return "no default";
  const Node& node = *nodes.front();
  if (node.kind == NodeKind::kScalar) return "default " + (node.text.empty() ? "empty" : node.text);
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
  const std::string with_all = switched_on(text);
  CHECK(complaints(text) == "");
  CHECK(complaints(with_all) == "");
  const NodePtr root = tree(with_all);
  for (const Leaf& leaf : all_leaves()) {
    if (leaf.path == "listen") continue;  // the other form of 'listeners'
    CAPTURE(leaf.path);
    const std::string expected = default_of(leaf);
    if (leaf.of_word) {  // in a comment, beside the word that is the default
      const std::string name = leaf.path.substr(leaf.path.rfind('.') + 1);
      CHECK(text.find(name + ": " + expected.substr(8)) != std::string::npos);
      continue;
    }
    const auto nodes = nodes_at(root, leaf.path);
    CHECK_FALSE(nodes.empty());
    if (nodes.empty() || !expected.starts_with("default ") || expected == "default the address") continue;
    const Node& node = *nodes.front();
    const std::string scalar = node.text.empty() ? "empty" : node.text;
    CHECK("default " + (node.kind == NodeKind::kList ? "[]" : scalar) == expected);
  }
}

TEST_CASE("the manual and the annotated file name every policy") {
  const std::string page = contents("man/drover.yaml.5");
  const std::string sample = contents("conf/drover.yaml");
#define DROVER_POLICY_NAME(name) std::string(#name),
  for (const std::string& policy : {DROVER_POLICIES(DROVER_POLICY_NAME)}) {
#undef DROVER_POLICY_NAME
    CAPTURE(policy);
    CHECK(page.find(".It Cm " + policy + "\n") != std::string::npos);
    CHECK(sample.find(policy) != std::string::npos);
  }
}

TEST_CASE("the smallest file and the examples of the manual load clean") {
  CHECK(complaints(contents("conf/minimal.yaml")) == "");
  const std::string page = contents("man/drover.yaml.5");
  const std::size_t section = page.find(".Sh EXAMPLES");
  REQUIRE(section != std::string::npos);
  std::size_t examples = 0;
  for (std::size_t begin = section; (begin = page.find(".Bd ", begin)) != std::string::npos; ++examples) {
    begin = page.find('\n', begin) + 1;
    const std::string example = page.substr(begin, page.find(".Ed\n", begin) - begin);
    CAPTURE(example);
    CHECK(complaints(example) == "");
  }
  CHECK(examples == 3);
}

}  // namespace drover::config
