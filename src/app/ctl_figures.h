// Numbers and foreign text as people can read them on a terminal. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace drover::app {

// "812 B", "1.2 GB": powers of 1,000, two or three digits.
std::string bytes_text(std::uint64_t bytes);
// "99999", "1.2M": exact up to there.
std::string count_text(std::uint64_t count);
// "0s", "850ms", "12s", "3m20s", "4h5m", "3d4h": the two largest units.
std::string age_text(Milliseconds age);
// Of a share: "0.4 %", "12 %".
std::string percent_text(double share);
// At most two digits behind the point: "0.2", "1.25", "120".
std::string number_text(double number);

// Control characters, escape sequences with them, what is not UTF-8, and characters that turn or hide the text around
// them, all as \xNN: what a client puts into its path must not reach somebody's terminal as it is.
std::string printable(std::string_view text);
// How many columns printable text takes: its characters, wide ones counted as one.
std::size_t width_of(std::string_view text);

}  // namespace drover::app
