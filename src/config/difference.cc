// Goes by the trees of the dump, so that no key can be forgotten.
#include "config/difference.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "config/dump.h"
#include "config/dump_tree.h"
#include "config/matching.h"

namespace drover::config {
namespace {

using Kind = DumpValue::Kind;

// Where a value stands, as people say it.
struct Place {
  std::string subject;  // "pool chat: "; empty: the process
  std::string path;     // "ping.clients"; empty: the subject itself
  Place child(std::string_view key) const {
    return {subject, path.empty() ? std::string(key) : path + "." + std::string(key)};
  }
  std::string text() const { return subject + path; }
};

// An item of a list that has an identity: what is the same thing on both sides, whatever has changed in it.
struct Thing {
  std::string identity;
  std::string subject;  // "pool chat: backend web-1"
  std::string added;    // the lines where it is on one side alone
  std::string removed;
  const DumpValue* value = nullptr;
};
using Things = std::vector<Thing>;

const DumpValue* find(const DumpValue& map, std::string_view key) {
  const auto found = std::ranges::find(map.entries, key, &DumpEntry::key);
  return found != map.entries.end() ? &found->value : nullptr;
}

// Empty where there is none.
std::string text_at(const DumpValue& map, std::string_view key) {
  const DumpValue* value = find(map, key);
  return value != nullptr ? value->text : std::string();
}

Things listeners_of(const DumpValue& list) {
  Things things;
  for (const DumpValue& item : list.items) {
    const std::string subject = "listener " + print_line(item.entries.front().value);  // its `bind`
    things.push_back({subject, subject, subject + " is opened", subject + " is closed", &item});
  }
  return things;
}

Things pools_of(const DumpValue& map) {
  Things things;
  for (const DumpEntry& entry : map.entries) {
    const std::string subject = "pool " + entry.key;
    const DumpValue* backends = find(entry.value, "backends");
    const std::size_t count = backends != nullptr ? backends->items.size() : 0;
    things.push_back({entry.key, subject,
                      subject + " is added: " + std::to_string(count) + (count == 1 ? " backend" : " backends"),
                      subject + " is removed: its sessions are drained", &entry.value});
  }
  return things;
}

// `pool` is "pool chat: ".
Things backends_of(const DumpValue& list, const std::string& pool) {
  Things things;
  for (const DumpValue& item : list.items) {
    const std::string name = text_at(item, "name");
    const std::string address = text_at(item, "address");
    std::string subject = pool;
    subject.append("backend ").append(name);
    std::string known_by = subject;
    if (name != address) known_by.append(" (").append(address).append(")");
    things.push_back(
        {known_by, subject, known_by + " is added", known_by + " is removed: its sessions are drained", &item});
  }
  return things;
}

std::string place_of_route(std::size_t index) {
  return "routes[" + std::to_string(index) + "]";
}

Things routes_of(const DumpValue& list) {
  Things things;
  for (const DumpValue& item : list.items) {
    const DumpValue& match = item.entries.front().value;
    std::string subject = "route " + text_at(match, "host") + text_at(match, "path");
    if (subject.ends_with(' ')) subject += "*";
    if (const DumpValue* websocket = find(match, "websocket")) subject += " (websocket: " + websocket->text + ")";
    std::string leading = subject;
    leading.append(" to pool ").append(text_at(item, "pool"));
    const std::string added = leading + " is added as " + place_of_route(things.size());
    things.push_back({print_line(match), subject, added, leading + " is removed", &item});
  }
  return things;
}

// Maps go by their first entry: a certificate by its file.
Things items_of(const DumpValue& list, const Place& place) {
  Things things;
  for (const DumpValue& item : list.items) {
    const std::string name = print_line(item.kind == Kind::kMap ? item.entries.front().value : item);
    const std::string subject = place.text() + ": " + name;
    things.push_back({name, subject, subject + " is added", subject + " is removed", &item});
  }
  return things;
}

std::vector<std::string> identities(const Things& things) {
  std::vector<std::string> result;
  result.reserve(things.size());
  for (const Thing& thing : things) result.push_back(thing.identity);
  return result;
}

class Comparison {
 public:
  void compare_map(const Place& place, const DumpValue& before, const DumpValue& after);
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  void compare_entry(const Place& map, std::string_view key, const DumpValue& before, const DumpValue& after);
  void compare(const Place& place, const DumpValue& before, const DumpValue& after);
  void compare_lists(const Place& place, const DumpValue& before, const DumpValue& after);
  void compare_routes(const DumpValue& before, const DumpValue& after);
  // Returns how they were matched, for what is to be said of their order.
  Matching compare_each(const Things& before, const Things& after);
  // `order_changed` is the line for where only the order has, of those that were there.
  void compare_things(const Things& before, const Things& after, std::string order_changed);
  void say(std::string line) { lines_.push_back(std::move(line)); }

  std::vector<std::string> lines_;
};

void Comparison::compare_map(const Place& place, const DumpValue& before, const DumpValue& after) {
  for (const DumpEntry& entry : after.entries) {
    if (const DumpValue* old = find(before, entry.key)) {
      compare_entry(place, entry.key, *old, entry.value);
    } else {
      say(place.child(entry.key).text() + " is added: " + print_line(entry.value));
    }
  }
  for (const DumpEntry& entry : before.entries)
    if (find(after, entry.key) == nullptr) say(place.child(entry.key).text() + " is removed");
}

// Those that have words of their own stand right below their subject (`ping.backends` is another thing).
void Comparison::compare_entry(const Place& map, std::string_view key, const DumpValue& before,
                               const DumpValue& after) {
  if (!map.path.empty()) return compare(map.child(key), before, after);
  if (key == "listeners") {
    compare_things(listeners_of(before), listeners_of(after), "the order of the listeners is changed");
  } else if (key == "pools") {
    compare_things(pools_of(before), pools_of(after), "the order of the pools is changed");
  } else if (key == "backends") {
    compare_things(backends_of(before, map.subject), backends_of(after, map.subject),
                   map.subject + "the order of its backends is changed");
  } else if (key == "routes") {
    compare_routes(before, after);
  } else {
    compare(map.child(key), before, after);
  }
}

void Comparison::compare(const Place& place, const DumpValue& before, const DumpValue& after) {
  if (before.kind == Kind::kMap && after.kind == Kind::kMap) {
    compare_map(place, before, after);
  } else if (before.kind == Kind::kList && after.kind == Kind::kList) {
    compare_lists(place, before, after);
  } else if (before.kind == Kind::kSecret && after.kind == Kind::kSecret) {
    if (before.text != after.text) say(place.text() + " is changed");
  } else {
    const std::string old = print_line(before);
    const std::string now = print_line(after);
    if (old != now) say(place.text() + " " + old + " -> " + now);
  }
}

void Comparison::compare_lists(const Place& place, const DumpValue& before, const DumpValue& after) {
  const auto secret = [](const DumpValue& item) { return item.kind == Kind::kSecret; };
  if (std::ranges::any_of(before.items, secret) || std::ranges::any_of(after.items, secret)) {
    if (!std::ranges::equal(before.items, after.items, {}, &DumpValue::text, &DumpValue::text))
      say(place.text() + " are changed");
    return;
  }
  compare_things(items_of(before, place), items_of(after, place), place.text() + ": the order is changed");
}

void Comparison::compare_routes(const DumpValue& before, const DumpValue& after) {
  const auto first = static_cast<std::ptrdiff_t>(lines_.size());
  const Things now = routes_of(after);
  const Matching matching = compare_each(routes_of(before), now);
  for (const std::size_t index : matching.moved)
    say(now[index].subject + " is moved: " + place_of_route(*matching.partners[index]) + " -> " +
        place_of_route(index));
  if (std::cmp_greater(lines_.size(), first)) lines_.insert(lines_.begin() + first, "routes are changed");
}

Matching Comparison::compare_each(const Things& before, const Things& after) {
  Matching matching = match(identities(before), identities(after));
  for (std::size_t index = 0; index < after.size(); ++index) {
    if (const auto partner = matching.partners[index]) {
      const Place place{after[index].subject + ": ", ""};
      const DumpValue& value = *after[index].value;
      if (value.kind == Kind::kMap) compare_map(place, *before[*partner].value, value);
    } else {
      say(after[index].added);
    }
  }
  for (const std::size_t index : matching.gone) say(before[index].removed);
  return matching;
}

void Comparison::compare_things(const Things& before, const Things& after, std::string order_changed) {
  if (!compare_each(before, after).moved.empty()) say(std::move(order_changed));
}

std::string workers_of(const Config& config) {
  return config.workers ? std::to_string(*config.workers) : "auto";
}

}  // namespace

std::vector<std::string> differences(const Config& before, const Config& after) {
  Comparison comparison;
  comparison.compare_map({}, tree_of(before), tree_of(after));
  return comparison.take();
}

std::vector<std::string> not_live(const Config& before, const Config& after) {
  if (before.workers == after.workers) return {};
  return {"workers: " + workers_of(before) + " -> " + workers_of(after) + " needs a restart"};
}

}  // namespace drover::config
