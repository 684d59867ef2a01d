// The texts are a contract with backends: compared whole, and read at every length.
#include "migration/handoff_messages.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace drover::migration {
namespace {

using What = Opening::What;

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";
const std::string kLeft = R"({"drover":"left","key":"0123456789abcdef0123456789abcdef")";

What what_of(std::string_view text) {
  return read_opening(text, kKey).what;
}

std::string with(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

// Of a message that begins with kLeft.
std::optional<std::string_view> state_behind(const std::string& message) {
  return state_of(message, kLeft.size());
}

bool has_state(std::string_view value) {
  const std::string message = kLeft + R"(,"state":)" + std::string(value) + "}";
  return state_of(message, kLeft.size()) == value;
}

}  // namespace

TEST_CASE("leave names the connection by its key") {
  CHECK(leave_text(kKey) == R"({"drover":"leave","key":"0123456789abcdef0123456789abcdef"})");
}

TEST_CASE("enter has its members in the documented order, and the state as it came") {
  CHECK(enter_text({.key = kKey, .why = EnterWhy::kLeft, .state = R"({"b": 1.0,"a":[ ]})", .from = "web-1"}) ==
        R"({"drover":"enter","key":"0123456789abcdef0123456789abcdef","why":"left","state":{"b": 1.0,"a":[ ]},)"
        R"("from":"web-1"})");
  CHECK(enter_text({.key = kKey, .why = EnterWhy::kForced, .state = "", .from = "web-1"}) ==
        R"({"drover":"enter","key":"0123456789abcdef0123456789abcdef","why":"forced","state":null,"from":"web-1"})");
}

TEST_CASE("a backend's name is escaped, and what is no UTF-8 in it is replaced") {
  const auto text = enter_text({.key = kKey, .why = EnterWhy::kClosed, .state = "1", .from = "a\"b\\c\n\xff"});
  CHECK(text.ends_with("\"from\":\"a\\\"b\\\\c\\n\xef\xbf\xbd\"}"));
}

TEST_CASE("the reasons of enter") {
  CHECK(name_of(EnterWhy::kLeft) == "left");
  CHECK(name_of(EnterWhy::kForced) == "forced");
  CHECK(name_of(EnterWhy::kToken) == "token");
  CHECK(name_of(EnterWhy::kClosed) == "closed");
  CHECK(name_of(EnterWhy::kRescued) == "rescued");
}

TEST_CASE("the header of a dial and its answer") {
  CHECK(handoff_offer(kKey) == "v1; key=0123456789abcdef0123456789abcdef");
  for (const std::string_view answer :
       {"v1", "V1", " v1\t", "v1; key=00", "v1 ;x", "v2, v1", "v1,v2", "v2;a=b , v1;c=d", ",,v1"}) {
    CAPTURE(answer);
    CHECK(takes_part(answer));
  }
  for (const std::string_view answer : {"", " ", ",", ";", "v2", "v10", "v", "1", "v1x", "v 1", "v2; v1", "xv1"}) {
    CAPTURE(answer);
    CHECK_FALSE(takes_part(answer));
  }
}

TEST_CASE("an opening is unclear until its last quote, and ours from there on") {
  for (std::size_t size = 0; size < kLeft.size(); ++size) {
    CAPTURE(size);
    CHECK(what_of(kLeft.substr(0, size)) == What::kUnclear);
  }
  for (const std::string_view behind : {"", "}", R"(,"state":1})", "garbage"}) {
    const Opening opening = read_opening(kLeft + std::string(behind), kKey);
    CHECK(opening.what == What::kOurs);
    CHECK(opening.verb == Verb::kLeft);
    CHECK(opening.size == kLeft.size());
  }
}

TEST_CASE("white space between tokens is JSON's") {
  const std::string spaced = "\r\n {\t\"drover\" \n:  \"leaving\"\r, \"key\"\t:\n\"0123456789abcdef0123456789abcdef\"";
  for (std::size_t size = 0; size < spaced.size(); ++size) {
    CHECK(what_of(spaced.substr(0, size)) == What::kUnclear);
  }
  const Opening opening = read_opening(spaced + " }", kKey);
  CHECK(opening.what == What::kOurs);
  CHECK(opening.verb == Verb::kLeaving);
  CHECK(opening.size == spaced.size());
  for (const std::string& other :
       {std::string("\v"), std::string("\f"), std::string("\xc2\xa0"), std::string(1, '\0')}) {
    CHECK(what_of(other) == What::kForeign);
    CHECK(what_of("{" + other) == What::kForeign);
  }
}

TEST_CASE("another byte anywhere makes it foreign at once") {
  // Not the verb: another one is a later version's.
  const auto verb = kLeft.find("left");
  for (std::size_t at = 0; at < kLeft.size(); ++at) {
    if (at >= verb && at < verb + 4) continue;
    CAPTURE(at);
    std::string text = kLeft.substr(0, at + 1);
    text[at] = '~';
    // Within the verb's closing quote's place, a longer verb could go on.
    CHECK(what_of(text) == (at == verb + 4 ? What::kUnclear : What::kForeign));
  }
}

TEST_CASE("what looks like it and is not") {
  for (const std::string& text :
       {with(kLeft, "drover", "Drover"), with(kLeft, "abcdef\"", "abcdeF\""), with(kLeft, "abcdef\"", "abcdef0\""),
        with(kLeft, "abcdef\"", "abcde\""), with(kLeft, "\"key\"", "\"ke\\u0079\""), with(kLeft, "left", "l\\u0065ft"),
        with(kLeft, "left", "l\neft"), with(kLeft, R"("left")", "null"), with(kLeft, ",", ",,"),
        with(kLeft, "\"key\":\"0", "\"key\":\" 0"), with(kLeft, "{", "[{"), with(kLeft, "\"key\"", R"("a":1,"key")"),
        std::string(R"({"key":"0123456789abcdef0123456789abcdef","drover":"left"})"), std::string("hello"),
        std::string("[]"), std::string("{}")}) {
    CAPTURE(text);
    CHECK(what_of(text) == What::kForeign);
  }
}

TEST_CASE("verbs of later versions, of at most 32 characters") {
  const auto verb_of = [](std::string_view verb) { return read_opening(with(kLeft, "left", verb), kKey); };
  for (const std::string& verb :
       {std::string("lef"), std::string("lefts"), std::string("Left"), std::string(), std::string(32, 'x')}) {
    CHECK(verb_of(verb).what == What::kOurs);
    CHECK(verb_of(verb).verb == Verb::kOther);
  }
  CHECK(verb_of(std::string(33, 'x')).what == What::kForeign);
  CHECK(what_of(R"({"drover":")" + std::string(32, 'x')) == What::kUnclear);
  CHECK(what_of(R"({"drover":")" + std::string(33, 'x')) == What::kForeign);
}

TEST_CASE("the state is the value as it stands in the message") {
  for (const std::string_view value : {"1", "null", "true", "-1.5e3", R"("a\u00e9\"}")", "\"\xc3\xa9\"", "{}",
                                       R"({ "a" : [1, {"b":null}] })", "[]", "\"\""}) {
    CAPTURE(value);
    CHECK(has_state(value));
  }
  CHECK(state_behind(kLeft + " ,\n\"state\"\t: \r [1, 2] } \n") == "[1, 2]");
}

TEST_CASE("a message without a state has null") {
  CHECK(state_behind(kLeft + "}") == "null");
  CHECK(state_behind(kLeft + " \n}\t ") == "null");
}

TEST_CASE("a message that is no JSON of that form has no state") {
  for (const std::string_view behind : {"",
                                        " ",
                                        ",",
                                        R"(,"state")",
                                        R"(,"state":)",
                                        R"(,"state":})",
                                        R"(,"state":1)",
                                        R"(,"state":{})",
                                        R"(,"state":1}})",
                                        R"(,"state":1} x)",
                                        R"(,"state":1,"more":2})",
                                        R"(,"other":1})",
                                        R"(,"other":1,"state":2})",
                                        R"(,"state":1 2})",
                                        R"(,"state":[1})",
                                        R"(,"state":nul})",
                                        R"(,"state":01})",
                                        R"(,"state":'a'})",
                                        R"(,"state":"a})",
                                        R"(,"state":/**/1})",
                                        R"("state":1})",
                                        R"(,,"state":1})",
                                        ",}",
                                        "}}",
                                        "x}",
                                        R"(,"State":1})"}) {
    CAPTURE(behind);
    CHECK(state_behind(kLeft + std::string(behind)) == std::nullopt);
  }
}

TEST_CASE("what the library takes for JSON and is none") {
  CHECK_FALSE(
      has_state("\xef\xbb\xbf"
                "1"));
  CHECK_FALSE(has_state(std::string_view("1\0", 2)));
  CHECK_FALSE(has_state(std::string_view("1\0}x", 4)));
}

TEST_CASE("a state is UTF-8") {
  CHECK_FALSE(has_state("\"\xff\""));
  CHECK_FALSE(has_state("\"\xc3\""));
  CHECK_FALSE(has_state("\"\xed\xa0\x80\""));
}

TEST_CASE("deep nesting costs no stack") {
  const std::string open(64UL * 1024, '[');
  CHECK_FALSE(has_state(open));
  CHECK(has_state(open + std::string(open.size(), ']')));
}

}  // namespace drover::migration
