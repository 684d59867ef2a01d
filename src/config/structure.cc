// A walk over the tree, led by the tables of schema.h.
#include "config/structure.h"

#include <unordered_map>

#include "config/schema.h"
#include "config/text.h"

namespace drover::config {
namespace {

void check_map(Reader& reader, const Field& map, const Section& section);

bool expect(Reader& reader, const Field& field, NodeKind kind, std::string_view expected) {
  if (field.node->kind == kind) return true;
  if (field.path.empty()) {
    reader.error(field.position(),
                 "the file must be " + std::string(expected) + ", got " + std::string(name_of(field.node->kind)));
  } else {
    reader.error(field.position(), "'" + field.path + "' must be " + std::string(expected) + ", got " +
                                       std::string(name_of(field.node->kind)));
  }
  return false;
}

// The entries of a map whose keys are words, each the first of its name; reports the others.
std::vector<const Entry*> usable_entries(Reader& reader, const Field& map) {
  std::vector<const Entry*> usable;
  std::unordered_map<std::string_view, Position> seen;
  for (const Entry& entry : map.node->entries) {
    const Node& key = *entry.key;
    if (key.kind != NodeKind::kScalar) {
      reader.error(key.position, "a key must be a word, got " + std::string(name_of(key.kind)));
    } else if (key.text == "<<" && !key.quoted) {
      reader.error(key.position, "merge keys ('<<') are not supported; an alias for a whole value is");
    } else if (const auto [first, added] = seen.emplace(key.text, key.position); !added) {
      reader.error(key.position, "duplicate key " + in_quotes(map.child_path(key.text)) + "; the first is in line " +
                                     std::to_string(first->second.line));
    } else {
      usable.push_back(&entry);
    }
  }
  return usable;
}

void check_scalars(Reader& reader, const Field& list) {
  for (std::size_t index = 0; index < list.size(); ++index)
    expect(reader, list.item(index), NodeKind::kScalar, "a single value");
}

void check_maps(Reader& reader, const Field& list, const Key& key) {
  if (!expect(reader, list, NodeKind::kList, "a list")) return;
  for (std::size_t index = 0; index < list.size(); ++index) {
    const Field item = list.item(index);
    if (key.shape == Shape::kMapsOrScalars && item.is(NodeKind::kScalar)) continue;
    check_map(reader, item, *key.section);
  }
}

void check_named_maps(Reader& reader, const Field& map, const Section& section) {
  if (!expect(reader, map, NodeKind::kMap, "a map")) return;
  for (const Entry* entry : usable_entries(reader, map))
    check_map(reader, {entry->value.get(), map.child_path(entry->key->text)}, section);
}

void check_value(Reader& reader, const Field& field, const Key& key);

// The settings of the words that have any; what is no such word is for the reader, which knows all of them.
void check_word(Reader& reader, const Field& field, const Section& section) {
  if (!field.is(NodeKind::kMap)) {
    expect(reader, field, NodeKind::kScalar, "a single value");
    return;
  }
  for (const Entry* entry : usable_entries(reader, field))
    if (const Key* word = section.find(entry->key->text))
      check_value(reader, {entry->value.get(), field.child_path(word->name)}, *word);
}

void check_value(Reader& reader, const Field& field, const Key& key) {
  switch (key.shape) {
    case Shape::kScalar: expect(reader, field, NodeKind::kScalar, "a single value"); break;
    case Shape::kScalars:
      if (expect(reader, field, NodeKind::kList, "a list")) check_scalars(reader, field);
      break;
    case Shape::kScalarOrScalars:
      if (field.is(NodeKind::kScalar)) break;
      if (expect(reader, field, NodeKind::kList, "a single value or a list")) check_scalars(reader, field);
      break;
    case Shape::kMap: check_map(reader, field, *key.section); break;
    case Shape::kMaps:
    case Shape::kMapsOrScalars: check_maps(reader, field, key); break;
    case Shape::kNamedMaps: check_named_maps(reader, field, *key.section); break;
    case Shape::kWord: check_word(reader, field, *key.section); break;
  }
}

void check_map(Reader& reader, const Field& map, const Section& section) {
  if (!expect(reader, map, NodeKind::kMap, "a map of keys and values")) return;
  for (const Entry* entry : usable_entries(reader, map)) {
    const std::string& name = entry->key->text;
    const std::string path = map.child_path(name);
    const Key* key = section.find(name);
    const std::string_view before_colon = std::string_view(name).substr(0, name.find(':'));
    if (key == nullptr && before_colon != name && section.find(before_colon) != nullptr) {
      // YAML takes {token:VALUE} for one long key. It is not quoted: the value may be a secret.
      reader.error(entry->key->position, "a space is missing after '" + map.child_path(before_colon) + ":'");
    } else if (key == nullptr) {
      reader.error(entry->key->position, "unknown key " + in_quotes(path) + did_you_mean(name, section.names()));
    } else if (key->status == Status::kLater) {
      reader.error(entry->key->position, "key " + in_quotes(path) + " is not implemented in this version");
    } else {
      check_value(reader, {entry->value.get(), path}, *key);
    }
  }
  for (const Key& key : section.keys)
    if (key.status == Status::kRequired && !map[key.name].present())
      reader.error(map.position(), in_quotes(map.path) + " has no " + in_quotes(key.name));
}

}  // namespace

void check_structure(Reader& reader, const Field& top) {
  check_map(reader, top, kTopSection);
}

}  // namespace drover::config
