// yaml-cpp's events become nodes here, and not its own tree: its parser recurses, so that the nesting has to be
// bounded while it runs, and its tree hides duplicate keys and the difference between 8 and "8".
#include "config/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "config/text.h"

namespace drover::config {
namespace {

struct Refusal : std::runtime_error {
  Refusal(Position where, const std::string& message) : std::runtime_error(message), position(where) {}
  Position position;
};

Position to_position(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

// Builds the tree. Refuses, by throwing through the parser, what must not go on being parsed.
class Builder : public YAML::EventHandler {
 public:
  NodePtr root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw Refusal(to_position(mark), "a second YAML document begins here; only one is allowed");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = begin(NodeKind::kNull, mark);
    // The mark of a value left out is that of whatever follows, often on another line.
    if (!open_.empty() && open_.back().pending_key) node->position = open_.back().pending_key->position;
    finish(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    auto node = begin(NodeKind::kScalar, mark);
    node->text = value;
    node->quoted = tag == "!";
    finish(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refusal(to_position(mark), "this alias stands inside of what it names");
    check_depth(mark, open_.size() + found->second->height);
    attach(found->second);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(NodeKind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(NodeKind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor;
    NodePtr pending_key;  // of a map: the key whose value comes next
  };

  static std::shared_ptr<Node> begin(NodeKind kind, const YAML::Mark& mark) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->position = to_position(mark);
    return node;
  }

  // "?" is yaml-cpp's word for no tag, "!" for no tag on a quoted scalar.
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Refusal(to_position(mark), "YAML tags are not supported; a value that begins with '!' needs quotes");
  }

  static void check_depth(const YAML::Mark& mark, std::size_t depth) {
    if (depth > kDeepestNesting)
      throw Refusal(to_position(mark), "nested deeper than " + std::to_string(kDeepestNesting) + " levels");
  }

  void open(NodeKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_tag(mark, tag);
    check_depth(mark, open_.size() + 1);
    open_.push_back({begin(kind, mark), anchor, nullptr});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    finish(std::move(done.node), done.anchor);
  }

  void finish(std::shared_ptr<Node> node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    attach(std::move(node));
  }

  void attach(NodePtr node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& [parent, anchor, pending_key] = open_.back();
    parent->values += node->values;
    parent->height = std::max(parent->height, node->height + 1);
    if (parent->values > kMostValues)
      throw Refusal(node->position, "more than " + std::to_string(kMostValues) + " values");
    if (parent->kind == NodeKind::kList) {
      parent->items.push_back(std::move(node));
    } else if (!pending_key) {
      pending_key = std::move(node);
    } else {
      parent->entries.push_back({std::exchange(pending_key, nullptr), std::move(node)});
    }
  }

  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, NodePtr> anchors_;  // finished nodes only
  NodePtr root_;
  int documents_ = 0;
};

Position position_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
  return {static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1, offset - line_start + 1};
}

// Whether the line at `position` is indented with a tab: yaml-cpp then complains of something else.
bool tab_indents(std::string_view text, Position position) {
  std::size_t start = 0;
  for (std::size_t line = 1; line < position.line; ++line) {
    start = text.find('\n', start);
    if (start == std::string_view::npos) return false;
    ++start;
  }
  const std::string_view rest = text.substr(start);
  return rest.substr(0, rest.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

}  // namespace

std::expected<NodePtr, DocumentError> parse_document(std::string_view text) {
  if (text.size() > kLongestFile)
    return std::unexpected(DocumentError{{}, "the file is larger than " + std::to_string(kLongestFile) + " bytes"});
  if (const auto bad = find_non_text(text))
    return std::unexpected(DocumentError{
        position_of(text, *bad), "byte " + in_quotes(text.substr(*bad, 1)) + " is no text; the file must be UTF-8"});
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    NodePtr root = builder.root();
    if (!root || root->kind == NodeKind::kNull) return std::unexpected(DocumentError{{}, "the file is empty"});
    return root;
  } catch (const Refusal& refusal) {
    return std::unexpected(DocumentError{refusal.position, refusal.what()});
  } catch (const YAML::Exception& exception) {
    const Position position = to_position(exception.mark);
    const std::string_view hint =
        tab_indents(text, position) ? " (the line is indented with a tab; YAML wants spaces)" : "";
    return std::unexpected(DocumentError{position, "not valid YAML: " + exception.msg + std::string(hint)});
  }
}

std::string_view name_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::kNull: return "nothing";
    case NodeKind::kScalar: return "a value";
    case NodeKind::kList: return "a list";
    case NodeKind::kMap: return "a map";
  }
  return "";
}

}  // namespace drover::config
