// Bytes that are no document end with one located error and never with a crash; so do bombs.
#include "config/document.h"

#include <doctest/doctest.h>

#include <string>

using namespace std::string_literals;

namespace drover::config {
namespace {

std::string failure(const std::string& text) {
  const auto parsed = parse_document(text);
  if (parsed) return "parsed";
  const auto& [position, message] = parsed.error();
  return std::to_string(position.line) + ":" + std::to_string(position.column) + " " + message;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace

TEST_CASE("positions count from one and point at keys and values") {
  const auto parsed = parse_document("# comment\nlimits:\n  wait: 5s\nlist: [a, 'b']\n");
  REQUIRE(parsed.has_value());
  const auto& entries = (*parsed)->entries;
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].key->position.line == 2);
  CHECK(entries[0].key->position.column == 1);
  const Entry& wait = entries[0].value->entries.at(0);
  CHECK(wait.value->position.line == 3);
  CHECK(wait.value->position.column == 9);
  const Node& b = *entries[1].value->items.at(1);
  CHECK(b.position.column == 11);
  CHECK(b.quoted);
  CHECK_FALSE(entries[1].value->items.at(0)->quoted);
}

TEST_CASE("nothing to parse") {
  for (const auto& text : {""s, "\n"s, "# only a comment\n"s, "---\n"s, "~"s, "\xEF\xBB\xBF"s})
    CHECK(failure(text) == "0:0 the file is empty");
}

TEST_CASE("what is no text is refused where it stands") {
  CHECK(failure("a: 1\nb: \0"s) == "2:4 byte '\\x00' is no text; the file must be UTF-8");
  CHECK(failure("a: \xFF\n") == "1:4 byte '\\xff' is no text; the file must be UTF-8");
  CHECK(failure("\xFF\xFE"
                "a\0"s) == "1:1 byte '\\xff' is no text; the file must be UTF-8");
  CHECK(failure("a: 1\x04\nb: 2\n") == "1:5 byte '\\x04' is no text; the file must be UTF-8");
  CHECK(failure("\x7F"
                "ELF\x02\x01")
            .starts_with("1:1 byte '\\x7f'"));
  CHECK(failure(std::string(kLongestFile + 1, '#')).starts_with("0:0 the file is larger than"));
}

TEST_CASE("broken YAML is located, tabs are named") {
  CHECK(failure("a: [1, 2\n").find("not valid YAML: ") != std::string::npos);
  CHECK(failure("a: 1\nb: *nowhere\n").starts_with("2:4 not valid YAML: "));
  CHECK(failure("a:\n\tb: 1\n").find("indented with a tab") != std::string::npos);
  CHECK(failure("a:\n  b: 1\n \tc: 1\n").find("indented with a tab") != std::string::npos);
  CHECK(failure("a: 'x\n").find("indented with a tab") == std::string::npos);
  CHECK(failure("a: {\n\tb: 1}\n") == "parsed");  // legal: within brackets indentation means nothing
}

TEST_CASE("one document, without tags") {
  CHECK(failure("a: 1\n---\nb: 2\n").starts_with("2:1 a second YAML document"));
  CHECK(failure("a: 1\n...\ngarbage\n").starts_with("3:1 a second YAML document"));
  CHECK(failure("--- \na: 1\n...\n") == "parsed");
  CHECK(failure("%YAML 1.2\n---\na: 1\n") == "parsed");
  CHECK(failure("a: !!str 5\n").starts_with("1:4 YAML tags are not supported"));
  CHECK(failure("a: !x [1]\n").starts_with("1:4 YAML tags are not supported"));
}

TEST_CASE("nesting is bounded in every form") {
  constexpr std::size_t kDeep = 10'000;
  CHECK(failure(repeated("[", kDeep)).ends_with("nested deeper than 64 levels"));
  CHECK(failure(repeated("[", kDeep) + repeated("]", kDeep)).ends_with("nested deeper than 64 levels"));
  CHECK(failure(repeated("{a: ", kDeep) + repeated("}", kDeep)).ends_with("nested deeper than 64 levels"));
  CHECK(failure(repeated("{? ", kDeep)).ends_with("nested deeper than 64 levels"));
  CHECK(failure(repeated("- ", kDeep) + "x").ends_with("nested deeper than 64 levels"));
  CHECK(failure(repeated("? ", kDeep) + "x").ends_with("nested deeper than 64 levels"));
  CHECK(failure(repeated("[a: ", kDeep)).ends_with("nested deeper than 64 levels"));
  std::string block;
  for (std::size_t level = 0; level < 2'000; ++level) block += std::string(level, ' ') + "a:\n";  // 2 MB
  CHECK(failure(block).ends_with("nested deeper than 64 levels"));
  CHECK(failure("a: " + repeated("[", kDeepestNesting - 1) + repeated("]", kDeepestNesting - 1)) == "parsed");
  CHECK(failure("a: " + repeated("[", kDeepestNesting) + repeated("]", kDeepestNesting)) ==
        "1:67 nested deeper than 64 levels");
}

TEST_CASE("brackets in strings and comments are no nesting") {
  const std::string brackets = repeated("[{", 5'000);
  CHECK(failure("# " + brackets + "\na: '" + brackets + "'\nb: \"" + brackets + "\"\nc: |\n  " + brackets + "\n") ==
        "parsed");
}

TEST_CASE("an alias is the node that it names") {
  const auto parsed = parse_document("a: &x {k: 1}\nb: *x\n");
  REQUIRE(parsed.has_value());
  CHECK((*parsed)->entries[1].value == (*parsed)->entries[0].value);
}

TEST_CASE("aliases can neither loop nor multiply nor deepen without end") {
  CHECK(failure("a: &x [*x]\n") == "1:8 this alias stands inside of what it names");
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 12; ++level) {
    const std::string before = "*a" + std::to_string(level - 1) + ", ";
    const std::string name = "a" + std::to_string(level);
    laughs += name + ": &" + name + " [" + repeated(before, 10) + "]\n";
  }
  CHECK(failure(laughs).ends_with("more than 200000 values"));
  std::string deeper = "a0: &a0 [x]\n";
  for (int level = 1; level < 100; ++level) {
    const std::string name = "a" + std::to_string(level);
    deeper += name + ": &" + name + " [*a" + std::to_string(level - 1) + "]\n";
  }
  CHECK(failure(deeper).ends_with("nested deeper than 64 levels"));
}

}  // namespace drover::config
