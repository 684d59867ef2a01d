// Counts that an answer does not have are shown as 0: of an older or newer Drover as far as it goes.
#include "app/ctl_drains.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include "app/ctl_client.h"
#include "app/ctl_figures.h"

namespace drover::app {

namespace {

using Align = Table::Align;
using Count = std::optional<std::uint64_t>;

constexpr std::size_t kBarWidth = 20;
// ECMA-48: to the first column, and erase to the end of the line.
constexpr const char* kClearLine = "\r\x1b[K";

std::string exact(const Count& count) {
  return std::to_string(count.value_or(0));
}

// What it empties.
std::string subject_of(const DrainAnswer& drain) {
  if (drain.pool.empty()) return "all pools";
  if (drain.backends.size() != 1) return "pool " + printable(drain.pool);
  return printable(drain.pool + "/" + drain.backends.front());
}

double share_gone(const DrainAnswer& drain) {
  const auto total = drain.total.value_or(0);
  const auto left = std::min(drain.left.value_or(0), total);
  return total == 0 ? 1 : static_cast<double>(total - left) / static_cast<double>(total);
}

std::string sessions_text(const Count& count) {
  return exact(count) + (count == 1U ? " session" : " sessions");
}

std::string rate_text(const DrainAnswer& drain) {
  return number_text(drain.pace.value_or(0)) + "/s";
}

std::string eta_text(const DrainAnswer& drain) {
  return age_text(Milliseconds(drain.eta_ms.value_or(0)));
}

// ": handoff 300, close 2", whichever there were.
std::string ways_text(const DrainAnswer& drain) {
  const std::array<std::pair<const char*, Count>, 6> ways = {{{"handoff", drain.handoff},
                                                              {"notify", drain.notify},
                                                              {"close", drain.close},
                                                              {"forced", drain.forced},
                                                              {"failed", drain.failed},
                                                              {"ended by themselves", drain.ended}}};
  std::string text;
  for (const auto& [name, count] : ways) {
    if (count.value_or(0) == 0) continue;
    text.append(text.empty() ? ": " : ", ").append(name).append(" ").append(exact(count));
  }
  return text;
}

// "60 %, 199 of 500 left, 200/s, 995ms to go"
std::string running_text(const DrainAnswer& drain) {
  std::string text = percent_text(share_gone(drain)) + ", " + exact(drain.left) + " of " + exact(drain.total) + " left";
  if (drain.told.value_or(0) > 0) text.append(" (").append(exact(drain.told)).append(" told)");
  if (drain.state == "waiting") return text + ", no other backend can take them";
  if (drain.state != "running") return text;
  return text + ", " + rate_text(drain) + ", " + eta_text(drain) + " to go";
}

std::string ended_text(const DrainAnswer& drain) {
  if (drain.state == "dry_run") {
    return sessions_text(drain.total) + " in " + eta_text(drain) + " at " + rate_text(drain) + ways_text(drain);
  }
  std::string text = sessions_text(drain.total);
  if (drain.left.value_or(0) > 0) text.append(", ").append(exact(drain.left)).append(" of them still there");
  return text + ways_text(drain);
}

std::string words_of(const std::string& state) {
  if (state.empty()) return "unknown";
  std::string words = printable(state);
  std::ranges::replace(words, '_', ' ');
  return words;
}

// As many as a column has room for.
std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 3;
  if (names.size() > kMost) return std::to_string(names.size()) + " backends";
  std::string text;
  for (const auto& name : names) text.append(text.empty() ? "" : ",").append(printable(name));
  return text;
}

// As many characters as fit a line of the screen, whose last column stays empty: some terminals would wrap.
std::string fitting(std::string text, const Screen& screen) {
  if (screen.width == 0 || width_of(text) < screen.width) return text;
  while (!text.empty() && width_of(text) >= screen.width) text.pop_back();
  return text;
}

}  // namespace

std::string drain_body(const CtlLine::Drain& drain) {
  auto body = nlohmann::ordered_json::object();
  const auto add = [&body](const char* name, const std::string& text) {
    if (!text.empty()) body[name] = text;
  };
  add("mode", drain.mode);
  add("pace", drain.pace);
  add("deadline", drain.deadline);
  add("grace", drain.grace);
  if (drain.dry_run) body["dry_run"] = true;
  return body.empty() ? "" : body.dump();
}

std::string drain_target(const std::string& pool, const std::string& backend) {
  if (backend.empty()) return "/api/v1/pools/" + percent_encoded(pool) + "/drain";
  return "/api/v1/backends/" + percent_encoded(pool) + "/" + percent_encoded(backend) + "/drain";
}

bool has_ended(const DrainAnswer& drain) {
  return drain.state != "running" && drain.state != "waiting" && drain.state != "frozen";
}

bool has_succeeded(const DrainAnswer& drain) {
  return drain.state == "done" || drain.state == "dry_run";
}

std::string drain_text(const DrainAnswer& drain) {
  const auto rest = has_ended(drain) ? ended_text(drain) : running_text(drain);
  return subject_of(drain) + ": " + words_of(drain.state) + ", " + rest + "\n";
}

std::string drains_table(const DrainsAnswer& drains, const Screen& screen) {
  Table table({{"ID"},
               {"CAUSE"},
               {"POOL"},
               {"BACKEND"},
               {"STATE"},
               {"SESSIONS", Align::kRight},
               {"LEFT", Align::kRight},
               {"HANDOFF", Align::kRight},
               {"NOTIFY", Align::kRight},
               {"CLOSE", Align::kRight},
               {"FORCED", Align::kRight},
               {"FAILED", Align::kRight},
               {"PACE", Align::kRight},
               {"TO GO", Align::kRight}});
  for (const auto& drain : drains.drains) {
    const bool running = drain.state == "running";
    const Tone tone = has_succeeded(drain) ? Tone::kGood : running ? Tone::kPlain : Tone::kWarning;
    table.add({{printable(drain.id)},
               {printable(drain.cause)},
               {drain.pool.empty() ? "*" : printable(drain.pool)},
               {drain.backends.empty() ? "*" : joined(drain.backends)},
               {words_of(drain.state), tone},
               {exact(drain.total)},
               {exact(drain.left)},
               {exact(drain.handoff)},
               {exact(drain.notify)},
               {exact(drain.close)},
               {exact(drain.forced)},
               {exact(drain.failed)},
               {running ? rate_text(drain) : "-"},
               {running ? eta_text(drain) : "-"}});
  }
  return table.text(screen);
}

std::string warnings_text(const std::vector<std::string>& warnings) {
  std::string text;
  for (const auto& warning : warnings) text.append("warning: ").append(printable(warning)).append("\n");
  return text;
}

std::string DrainProgress::bar_line(const DrainAnswer& drain) const {
  const auto full = static_cast<std::size_t>(share_gone(drain) * static_cast<double>(kBarWidth));
  std::string line = subject_of(drain) + " [" + std::string(full, '#') + std::string(kBarWidth - full, '-') + "] ";
  return fitting(line + words_of(drain.state) + ", " + running_text(drain), screen_);
}

DrainProgress::Shown DrainProgress::take(const DrainAnswer& drain, MonotonicTime now) {
  Shown shown;
  std::vector<std::string> fresh;
  for (const auto& warning : drain.warnings) {
    if (warned_.insert(warning).second) fresh.push_back(warning);
  }
  shown.warnings = warnings_text(fresh);
  if (drawn_ && (!fresh.empty() || has_ended(drain))) {
    shown.before = kClearLine;
    drawn_ = false;
  }
  if (has_ended(drain)) {
    shown.line = drain_text(drain);
  } else if (surface_ == Surface::kTerminal) {
    shown.line = kClearLine + bar_line(drain);
    drawn_ = true;
  } else if (state_ != drain.state || now - printed_ >= kQuiet) {
    shown.line = drain_text(drain);
    state_ = drain.state;
    printed_ = now;
  }
  return shown;
}

}  // namespace drover::app
