// `drover ctl drain` and `drains`: what is asked of the admin port, and what is shown of a plan. Pure.
#pragma once

#include <set>
#include <string>

#include "app/ctl_answers.h"
#include "app/ctl_command_line.h"
#include "app/ctl_table.h"
#include "base/clock.h"

namespace drover::app {

// The body of a POST …/drain: the terms that were given. Empty: none.
std::string drain_body(const CtlLine::Drain& drain);
// Its path; an empty backend is all of the pool.
std::string drain_target(const std::string& pool, const std::string& backend);

// Whether it is done, expired, cancelled, or was never more than a dry run.
bool has_ended(const DrainAnswer& drain);
// Whether it came to what was asked for: nobody is left, or it was a dry run.
bool has_succeeded(const DrainAnswer& drain);

// Lines. "chat/web-1: running, 60 %, 199 of 500 left, 200/s, 995ms to go", or what has become of it.
std::string drain_text(const DrainAnswer& drain);
std::string drains_table(const DrainsAnswer& drains, const Screen& screen);
// "warning: …" for each of its warnings.
std::string warnings_text(const std::vector<std::string>& warnings);

// What is printed while somebody watches a drain: a line that is redrawn in place on a terminal; elsewhere a line at
// each change of its state, and every kQuiet.
class DrainProgress {
 public:
  static constexpr Milliseconds kQuiet{5'000};
  enum class Surface : std::uint8_t { kTerminal, kFile };
  DrainProgress(Surface surface, const Screen& screen) : surface_(surface), screen_(screen) {}

  // To be printed in this order.
  struct Shown {
    std::string before;    // stdout
    std::string warnings;  // stderr: those that are new
    std::string line;      // stdout
  };
  Shown take(const DrainAnswer& drain, MonotonicTime now);

 private:
  std::string bar_line(const DrainAnswer& drain) const;

  const Surface surface_;
  const Screen screen_;
  std::set<std::string> warned_;
  bool drawn_ = false;  // the cursor is behind a line
  std::string state_;   // that was printed last, at printed_
  MonotonicTime printed_;
};

}  // namespace drover::app
