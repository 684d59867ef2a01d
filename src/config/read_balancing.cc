// A policy is a word, or a map from one word to its settings; which words there are, policy_names.h says.
#include "config/read_balancing.h"

#include <algorithm>
#include <array>

#include "config/hash_key.h"
#include "config/policy_names.h"
#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

constexpr double kMostBound = 100;
constexpr double kMostWeight = 1000;
constexpr unsigned kMostChoices = 1000;
constexpr std::array<std::string_view, 2> kChoicesWords = {"auto", "all"};
constexpr std::string_view kConsistentHash = "consistent_hash";

using PolicyName = Choice<std::string_view>;
#define DROVER_POLICY_NAME(name) PolicyName{#name, #name},
constexpr std::array kPolicies = {DROVER_POLICIES(DROVER_POLICY_NAME)};
#undef DROVER_POLICY_NAME

void read_consistent_hash(Reader& reader, const Field& map, ConsistentHash& out) {
  const Field key = map["key"];
  if (const auto text = reader.text(key)) out.key = reader.parsed(key, *text, parse_hash_key).value_or(HashKey{});
  reader.decimal(map["bound"], 1, kMostBound, out.bound);
}

// The one word of the map form; none: there is no such one, and that has been reported.
const Node* word_of(Reader& reader, const Field& map) {
  const Node* word = nullptr;
  bool one = !map.node->entries.empty();
  for (const Entry& entry : map.node->entries) {
    const Node& key = *entry.key;
    if (key.kind != NodeKind::kScalar || key.text == "<<") continue;  // reported with the structure, as is a duplicate
    if (word == nullptr) word = &key;
    one = one && key.text == word->text;
  }
  if (one) return word;
  reader.error(map.position(), "'" + map.path + "' must be a policy's name, or a map of one name to its settings");
  return nullptr;
}

void read_policy(Reader& reader, const Field& field, Pool& pool) {
  const std::span<const PolicyName> policies(kPolicies);
  std::string_view name;
  if (field.is(NodeKind::kMap)) {
    const Node* word = word_of(reader, field);
    if (word == nullptr) return;
    reader.choice({word, field.path}, word->text, policies, name);
    if (name == kConsistentHash) {
      read_consistent_hash(reader, field[name], pool.consistent_hash);
    } else if (!name.empty()) {
      reader.error(word->position, "'" + field.path + "': " + in_quotes(name) + " has no settings");
    }
  } else {
    reader.choice(field, policies, name);
  }
  if (!name.empty()) pool.policy = name;
}

void read_choices(Reader& reader, const Field& field, std::optional<unsigned>& choices) {
  const auto text = reader.text(field);
  if (!text || *text == "auto") return;
  if (*text == "all") {
    choices = kAllChoices;
  } else if (parse_number(*text)) {
    unsigned number = 0;
    reader.number(field, 1U, kMostChoices, number);
    if (number > 0) choices = number;
  } else {
    reader.error(field.position(), "'" + field.path + "' must be 'auto', 'all' or a number from 1 to " +
                                       std::to_string(kMostChoices) + ", got " + in_quotes(*text) +
                                       did_you_mean(*text, kChoicesWords));
  }
}

void read_score(Reader& reader, const Field& map, Score& score) {
  reader.decimal(map["connections"], 0, kMostWeight, score.connections);
  reader.decimal(map["cpu"], 0, kMostWeight, score.cpu);
  reader.decimal(map["memory"], 0, kMostWeight, score.memory);
  reader.decimal(map["latency"], 0, kMostWeight, score.latency);
  reader.decimal(map["message_rate"], 0, kMostWeight, score.message_rate);
  reader.duration(map["latency_reference"], milliseconds(1), score.latency_reference);
  reader.duration(map["stale_after"], milliseconds(0), score.stale_after);
  if (std::max({score.connections, score.cpu, score.memory, score.latency, score.message_rate}) == 0)
    reader.error(map.position(), "'" + map.path + "': every weight is 0, so that no backend is better than another");
}

}  // namespace

void read_balancing(Reader& reader, const Field& map, Pool& pool) {
  read_policy(reader, map["policy"], pool);
  read_choices(reader, map["choices"], pool.choices);
  read_score(reader, map["score"], pool.score);
  reader.duration(map["slow_start"], milliseconds(0), pool.slow_start);
}

}  // namespace drover::config
