// By the calendar of <chrono>: no call that looks at the time zone.
#include "observe/utc_time.h"

#include <chrono>
#include <cstdio>

#include "base/clock.h"

namespace drover::observe {

std::string utc_now() {
  const auto now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
  const auto midnight = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss time(now - midnight);
  char text[sizeof("2026-11-21T23:09:21.123Z") + 16];
  std::snprintf(text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text;
}

}  // namespace drover::observe
