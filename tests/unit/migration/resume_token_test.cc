// Times are made up. One token is not of our own making: minted with another implementation, it pins the format.
#include "migration/resume_token.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace drover::migration {

namespace {

using namespace std::chrono_literals;
using Secrets = std::vector<std::string>;

constexpr WallClock::time_point kNow{std::chrono::seconds(1'800'000'000)};
constexpr std::string_view kMalformed = "the resume token is malformed";
constexpr std::string_view kForged = "the resume token is forged, or sealed with a secret that is not in use here";
constexpr std::string_view kExpired = "the resume token has expired";
constexpr std::string_view kTooLong = "the resume token is too long";
const std::string kSecret = "correct horse battery staple";

ResumeToken a_token() {
  ResumeToken token{.resume_id = {}, .pool = "chat", .backend = "web-2", .expires = kNow + 60s};
  for (std::size_t i = 0; i < token.resume_id.size(); ++i) token.resume_id[i] = static_cast<std::uint8_t>(i);
  return token;
}

// Why `text` is refused; empty: it is not.
std::string refusal(const TokenKeys& keys, std::string_view text, WallClock::time_point now = kNow) {
  const auto opened = keys.open(text, now);
  if (opened) return {};
  CHECK(opened.error().code == Code::kUnauthorized);
  CHECK(opened.error().side == Side::kClient);
  return opened.error().detail;
}

void check_same(const ResumeToken& one, const ResumeToken& other) {
  CHECK(one.resume_id == other.resume_id);
  CHECK(one.pool == other.pool);
  CHECK(one.backend == other.backend);
  CHECK(one.expires == other.expires);
}

void check_survives(const ResumeToken& token) {
  const auto keys = TokenKeys::make({kSecret});
  const auto opened = keys->open(keys->seal(token), kNow);
  REQUIRE(opened.has_value());
  check_same(*opened, token);
}

}  // namespace

TEST_CASE("a resume token says what was put into it") {
  check_survives(a_token());
}

TEST_CASE("a resume token takes names at the limits of a configuration, and none") {
  auto token = a_token();
  token.pool = std::string(64, 'p');
  // An unnamed backend by a host name of 253 characters, at one of its IPv6 addresses.
  token.backend = std::string(253, 'h') + ":65535@[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
  check_survives(token);
  token.backend.clear();
  check_survives(token);
  token.pool.clear();
  check_survives(token);
}

TEST_CASE("a resume token that would be too long is not made") {
  const auto keys = TokenKeys::make({kSecret});
  auto token = a_token();
  token.backend = std::string(800, 'b');
  CHECK(keys->seal(token).empty());
  token.backend = std::string(70'000, 'b');  // more than its length can say
  CHECK(keys->seal(token).empty());
}

TEST_CASE("a resume token is fit for a query, a header and a subprotocol") {
  const auto text = TokenKeys::make({kSecret})->seal(a_token());
  CHECK(text.starts_with("v1."));
  CHECK(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 3) ==
        std::string::npos);
  CHECK_FALSE(text.contains("chat"));
}

TEST_CASE("no two resume tokens are alike") {
  const auto keys = TokenKeys::make({kSecret});
  std::set<std::string> texts;
  for (int i = 0; i < 1'000; ++i) texts.insert(keys->seal(a_token()));
  CHECK(texts.size() == 1'000);
}

TEST_CASE("a resume token of another implementation's opens: the format is what the header says") {
  const auto keys = TokenKeys::make({kSecret});
  const auto opened =
      keys->open("v1.ZGVmZ2hpamtsbW5vqguLMWu6LTTz3Og3RDsHMEheqiwL_XBDa-wJ_Y5p983e4PHw8g0cqggGa8VGd7dFCsFWqtA", kNow);
  REQUIRE(opened.has_value());
  auto expected = a_token();
  expected.expires = WallClock::time_point(4'102'444'800s);
  check_same(*opened, expected);
}

TEST_CASE("a resume token expires, to the second") {
  const auto keys = TokenKeys::make({kSecret});
  const auto text = keys->seal(a_token());
  CHECK(refusal(*keys, text, kNow + 60s - 1ms).empty());
  CHECK(refusal(*keys, text, kNow + 60s) == kExpired);
  CHECK(refusal(*keys, text, kNow + 1h) == kExpired);
  auto token = a_token();
  token.expires = kNow + 1ms;  // rounded up, so that it lives for what it was promised at least
  CHECK(refusal(*keys, keys->seal(token), kNow + 999ms).empty());
  CHECK(refusal(*keys, keys->seal(token), kNow + 1s) == kExpired);
  token.expires = WallClock::time_point(-5s);  // before 1970: long ago
  CHECK(refusal(*keys, keys->seal(token)) == kExpired);
  token.expires = WallClock::time_point::max() - 1s;
  CHECK(refusal(*keys, keys->seal(token)).empty());
}

TEST_CASE("the first secret signs and each is accepted") {
  const auto before = TokenKeys::make({"an old secret, long enough"});
  const auto turning = TokenKeys::make({kSecret, "an old secret, long enough"});
  const auto after = TokenKeys::make({kSecret});
  const auto old_text = before->seal(a_token());
  CHECK(refusal(*turning, old_text).empty());
  CHECK(refusal(*after, old_text) == kForged);
  const auto text = turning->seal(a_token());
  CHECK(refusal(*after, text).empty());
  CHECK(refusal(*before, text) == kForged);
}

TEST_CASE("without a secret keys are random: a token is good at its own process alone") {
  const auto one = TokenKeys::make({});
  const auto other = TokenKeys::make({});
  const auto text = one->seal(a_token());
  CHECK(refusal(*one, text).empty());
  CHECK(refusal(*other, text) == kForged);
  CHECK(refusal(*TokenKeys::make({""}), text) == kForged);
}

TEST_CASE("a resume token with any bit changed is refused") {
  const auto keys = TokenKeys::make({kSecret, "an old secret, long enough"});
  const auto text = keys->seal(a_token());
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto changed = text;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ (1U << bit));
      CHECK_FALSE(refusal(*keys, changed).empty());
    }
  }
}

TEST_CASE("a resume token cut at any length is refused, and one with more behind it") {
  const auto keys = TokenKeys::make({kSecret});
  const auto text = keys->seal(a_token());
  for (std::size_t size = 0; size < text.size(); ++size) CHECK_FALSE(refusal(*keys, text.substr(0, size)).empty());
  for (const std::string_view more : {"A", "AA", "AAA", "AAAA", "=", ".", "&", " "}) {
    CHECK_FALSE(refusal(*keys, text + std::string(more)).empty());
  }
}

TEST_CASE("what is no resume token is refused as such") {
  const auto keys = TokenKeys::make({kSecret});
  CHECK(refusal(*keys, "") == kMalformed);
  CHECK(refusal(*keys, "v1.") == kMalformed);
  CHECK(refusal(*keys, "v1") == kMalformed);
  CHECK(refusal(*keys, "V1." + std::string(80, 'A')) == kMalformed);
  CHECK(refusal(*keys, "v2." + std::string(80, 'A')) == kMalformed);
  CHECK(refusal(*keys, "v1." + std::string(36, 'A')) == kMalformed);  // 27 bytes: not even nonce and tag
  CHECK(refusal(*keys, "v1." + std::string(38, 'A')) == kForged);
  CHECK(refusal(*keys, "v1." + std::string(1'020, 'A')) == kForged);
  CHECK(refusal(*keys, "v1." + std::string(1'022, 'A')) == kTooLong);
  CHECK(refusal(*keys, std::string(1'000'000, 'A')) == kTooLong);
}

TEST_CASE("a resume token has one spelling") {
  const auto keys = TokenKeys::make({kSecret});
  std::string text;  // of 65 bytes, so its last character has two bits to spare; with both letters of this alphabet
  while (!text.contains('-') || !text.contains('_')) text = keys->seal(a_token());
  REQUIRE(refusal(*keys, text).empty());
  CHECK(refusal(*keys, text + "=") == kMalformed);
  auto standard = text;
  for (auto& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
  CHECK(refusal(*keys, standard) == kMalformed);
  auto spare = text;
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  spare.back() = kAlphabet[kAlphabet.find(spare.back()) + 1];
  CHECK(refusal(*keys, spare) == kMalformed);
  auto folded = text;
  for (auto& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  CHECK_FALSE(refusal(*keys, folded).empty());
}

}  // namespace drover::migration
