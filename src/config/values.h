// The scalars of the file format: text to number, duration, size, rate, share, and back for the dump. Errors say
// what was wrong with the text and how to write it; the caller adds the key.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace drover::config {

// The error of every parser in this folder: the operator's file is to blame.
std::unexpected<Error> invalid(std::string detail);

// Decimal digits only: "010", which YAML 1.1 reads as 8, is refused, and so are "+1", "0x10", "1e3" and "1_000".
Result<std::uint64_t> parse_number(std::string_view text);

// "0.3", "1", "12.5": at most 9 digits a side, which a double keeps, so that formatting gives them back. No sign,
// exponent, "inf" or "nan", and no leading zeros.
Result<double> parse_decimal(std::string_view text);
std::string format_decimal(double value);

// "500ms", "30s", "1h30m", "7d", larger units first; "0" needs no unit. At most 365 days.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);
inline constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours(24 * 365);

// "64KiB": B, KiB, MiB, GiB, TiB; "0" needs no unit. At most 2^63 − 1 bytes.
Result<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

// "200/s", "0.5/s": a second.
Result<double> parse_rate(std::string_view text);
std::string format_rate(double a_second);

// "30%" is 0.3; 0% … 100%.
Result<double> parse_share(std::string_view text);
std::string format_share(double share);

// A path as in a request target (RFC 9112 section 3.2.1), without a query: "/ws", percent-encoded.
Result<std::string> parse_path(std::string_view text);

// What a dump shows in place of a secret. Shorter than any that the loader takes.
inline constexpr std::string_view kHiddenSecret = "***";

// "true" or "false"; the "yes", "on" and the like of YAML 1.1 are refused.
Result<bool> parse_flag(std::string_view text);

}  // namespace drover::config
