// The words of an agent's line, without regard to case, as HAProxy reads them.
#include "health/agent_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <system_error>

namespace drover::health {

namespace {

using balancer::OperatorState;
using Health = AgentReport::Health;

constexpr std::size_t kMaxLine = 1024;
constexpr std::size_t kMaxDescription = 128;
constexpr std::uint32_t kMaxWeightPercent = 256;
constexpr std::string_view kBetweenWords = " \t,";
constexpr std::string_view kMaxConnections = "maxconn:";

struct Word {
  std::string_view text;
  std::optional<Health> health;
  std::optional<OperatorState> state;
};

constexpr std::array kWords = {
    Word{"up", Health::kUp, {}},
    Word{"down", Health::kDown, {}},
    Word{"fail", Health::kDown, {}},
    Word{"failed", Health::kDown, {}},
    Word{"stopped", Health::kDown, {}},
    Word{"ready", {}, OperatorState::kReady},
    Word{"drain", {}, OperatorState::kDrain},
    Word{"maint", {}, OperatorState::kMaintenance},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// `expected` in lower case.
bool is_word(std::string_view word, std::string_view expected) {
  return std::ranges::equal(word, expected, {}, lower);
}

// Digits alone, up to `max`.
std::optional<std::uint32_t> number_in(std::string_view digits, std::uint32_t max) {
  std::uint32_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || value > max) return std::nullopt;
  return value;
}

void take_word(std::string_view word, AgentReport& report) {
  if (const auto* const known =
          std::ranges::find_if(kWords, [&](const Word& candidate) { return is_word(word, candidate.text); });
      known != kWords.end()) {
    if (known->health) report.health = known->health;
    if (known->state) report.state = known->state;
  } else if (is_digit(word.front()) && word.contains('%')) {
    // A word of a kind that cannot be read is still the last of its kind: what stood before it does not count either.
    const auto percent = word.find('%');
    report.weight_percent =
        percent + 1 == word.size() ? number_in(word.substr(0, percent), kMaxWeightPercent) : std::nullopt;
    if (!report.weight_percent) ++report.ignored;
  } else if (is_word(word.substr(0, kMaxConnections.size()), kMaxConnections)) {
    report.max_connections = number_in(word.substr(kMaxConnections.size()), UINT32_MAX);
    if (!report.max_connections) ++report.ignored;
  } else {
    ++report.ignored;
  }
}

void take_words(std::string_view words, AgentReport& report) {
  while (true) {
    words.remove_prefix(std::min(words.find_first_not_of(kBetweenWords), words.size()));
    if (words.empty()) return;
    const auto length = std::min(words.find_first_of(kBetweenWords), words.size());
    take_word(words.substr(0, length), report);
    words.remove_prefix(length);
  }
}

// Bytes that a terminal might act upon, or take for a part of a character, become '?'.
std::string description_of(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::string description(text.substr(0, kMaxDescription));
  std::ranges::replace_if(description, [](char c) { return c < ' ' || c > '~'; }, '?');
  return description;
}

}  // namespace

Result<AgentReport> parse_agent_line(std::string_view line) {
  line = line.substr(0, kMaxLine + 1);
  line = line.substr(0, line.find_first_of("\r\n"));
  if (line.size() > kMaxLine)
    return fail(Code::kBadGateway, Side::kBackend,
                "the agent's line is longer than " + std::to_string(kMaxLine) + " bytes");
  AgentReport report;
  const auto sharp = std::min(line.find('#'), line.size());
  take_words(line.substr(0, sharp), report);
  if (sharp < line.size()) report.description = description_of(line.substr(sharp + 1));
  if (!report.health && !report.state && !report.weight_percent && !report.max_connections)
    return fail(Code::kBadGateway, Side::kBackend,
                "the agent's line has no word that is known, such as up, down, drain, 75% or maxconn:30");
  return report;
}

}  // namespace drover::health
