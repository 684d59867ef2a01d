// JSON is YAML: both take a string in double quotes in the same form.
#include "config/dump_tree.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/values.h"

namespace drover::config {
namespace {

using Kind = DumpValue::Kind;

constexpr std::size_t kStep = 2;  // spaces a level

// Two "$" for one where it is the loader that reads it: it expands them.
enum class Dollars : std::uint8_t { kDoubled, kPlain };

std::string quoted(std::string_view text, Dollars dollars = Dollars::kDoubled) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '$' && dollars == Dollars::kDoubled) result += '$';
    result += c;
  }
  return result + "\"";
}

// Whether there is one, and no more: a dump ends up in logs and tickets.
std::string hidden(const DumpValue& secret) {
  return quoted(secret.text.empty() ? std::string_view() : kHiddenSecret);
}

bool is_map(const DumpValue& value) {
  return value.kind == Kind::kMap || value.kind == Kind::kNamedMap;
}

std::string in_line(const DumpValue& value, Dollars dollars = Dollars::kDoubled);

// The parts of a list or map between its brackets.
template <class Parts, class Print>
std::string enclosed(const char* brackets, const Parts& parts, Print print_part) {
  std::string result(1, brackets[0]);
  for (const auto& part : parts) result += (result.size() > 1 ? ", " : "") + print_part(part);
  return result + brackets[1];
}

std::string in_line(const DumpValue& value, Dollars dollars) {
  switch (value.kind) {
    case Kind::kLiteral:
    case Kind::kWord: return value.text;
    case Kind::kText: return quoted(value.text, dollars);
    case Kind::kSecret: return hidden(value);
    case Kind::kList: return enclosed("[]", value.items, [&](const DumpValue& item) { return in_line(item, dollars); });
    case Kind::kMap:
    case Kind::kNamedMap:
      return enclosed("{}", value.entries, [&](const DumpEntry& entry) {
        const std::string key = value.kind == Kind::kNamedMap ? quoted(entry.key, dollars) : entry.key;
        return key + ": " + in_line(entry.value, dollars);
      });
  }
  return {};
}

class YamlPrinter {
 public:
  // Each entry begins a line; that of the first has been begun.
  void print_entries(const DumpValue& map, std::size_t indent) {
    for (std::size_t index = 0; index < map.entries.size(); ++index) {
      const DumpEntry& entry = map.entries[index];
      if (index > 0) begin_line(indent);
      out_.append(map.kind == Kind::kNamedMap ? quoted(entry.key) : entry.key).append(":");
      print_behind_key(entry.value, indent);
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void print_behind_key(const DumpValue& value, std::size_t indent) {
    if (!value.items.empty() && is_map(value.items.front())) {
      out_ += '\n';
      for (const DumpValue& item : value.items) {
        begin_line(indent + kStep);
        out_ += "- ";
        print_entries(item, indent + 2 * kStep);
      }
    } else if (!value.entries.empty()) {
      out_ += '\n';
      begin_line(indent + kStep);
      print_entries(value, indent + kStep);
    } else {
      out_.append(" ").append(in_line(value)).append("\n");
    }
  }

  void begin_line(std::size_t indent) { out_.append(indent, ' '); }

  std::string out_;
};

class JsonPrinter {
 public:
  void print(const DumpValue& value, std::size_t indent) {
    if (is_map(value)) {
      print_lines('{', value.entries, '}', indent, [&](const DumpEntry& entry) {
        out_.append(quoted(entry.key)).append(": ");
        print(entry.value, indent + kStep);
      });
    } else if (value.kind == Kind::kList) {
      print_lines('[', value.items, ']', indent, [&](const DumpValue& item) { print(item, indent + kStep); });
    } else if (value.kind == Kind::kSecret) {
      out_ += hidden(value);
    } else {
      out_ += value.kind == Kind::kLiteral ? value.text : quoted(value.text);
    }
  }
  std::string take() { return std::move(out_); }

 private:
  template <class Parts, class Print>
  void print_lines(char open, const Parts& parts, char close, std::size_t indent, Print print_part) {
    out_ += open;
    const char* separator = "\n";
    for (const auto& part : parts) {
      out_.append(separator).append(indent + kStep, ' ');
      print_part(part);
      separator = ",\n";
    }
    if (!parts.empty()) out_.append("\n").append(indent, ' ');
    out_ += close;
  }

  std::string out_;
};

}  // namespace

std::string print_yaml(const DumpValue& map) {
  YamlPrinter printer;
  printer.print_entries(map, 0);
  return printer.take();
}

std::string print_json(const DumpValue& map) {
  JsonPrinter printer;
  printer.print(map, 0);
  return printer.take() + "\n";
}

std::string print_line(const DumpValue& value) {
  return in_line(value, Dollars::kPlain);
}

}  // namespace drover::config
