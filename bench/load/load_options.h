// The command line of drover-bench-load.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>

#include "net/address.h"

namespace drover::bench {

enum class CaseName : std::uint8_t { kClosed, kRate, kChurn, kFanout, kIdle, kDrain, kBusy };
enum class Tls : std::uint8_t { kNone, kFull, kResumed };  // what its handshakes are, where there is any

struct LoadOptions {
  CaseName name = CaseName::kClosed;
  net::Address target;
  unsigned sessions = 1;
  std::size_t size = 64;                    // bytes of payload a message
  unsigned in_flight = 1;                   // messages a session
  double rate = 1000;                       // messages a second, all sessions together
  unsigned opening = 0;                     // sessions a second that are opened; 0: as fast as it goes
  std::chrono::milliseconds seconds{1000};  // the window that is measured
  std::chrono::milliseconds warmup{300};    // before it
  std::string path = "/";                   // and query
  unsigned sources = 0;                     // addresses to connect from; 0: the kernel chooses
  Tls tls = Tls::kNone;
  std::optional<int> watch;  // process whose CPU is measured
  bool hold = false;         // keep the sessions until stdin ends
};

// What to print instead, and the exit code with it: 0 for help, 2 for what cannot be understood.
struct Usage {
  std::string text;
  int exit_code;
};
std::expected<LoadOptions, Usage> parse_load_options(int argc, const char* const* argv);

std::string_view name_of(CaseName name);

}  // namespace drover::bench
