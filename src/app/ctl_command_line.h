// What `drover ctl …` asks for. Pure: nothing is read but the arguments, and nothing printed.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "app/usage_text.h"
#include "base/clock.h"
#include "config/config.h"

namespace drover::app {

struct CtlLine {
  enum class Verb : std::uint8_t {
    kStatus,
    kSessions,  // the list
    kSession,   // one of them
    kClose,     // one of them
    kConfig,    // what is in force
    kReload,
    kDrain,        // of a backend or a pool
    kCancelDrain,  // one of them
    kDrains,       // the list
    kFreeze,
    kUnfreeze,
    // Of a backend:
    kReady,
    kMaintenance,
    kWeight,
  };
  enum class Form : std::uint8_t { kTables, kJson };
  // An empty text is any.
  struct Filter {
    std::string pool, backend;
    std::string client;  // an address, with or without its port
  };

  // kDrain, kCancelDrain. An empty text was not given; terms are as written, and well formed.
  struct Drain {
    enum class Wait : std::uint8_t { kUntilItEnds, kNot };
    std::string pool;  // else it is of `backend`
    std::string mode, pace, deadline, grace;
    bool dry_run = false;
    Wait wait = Wait::kUntilItEnds;
    std::string id;  // kCancelDrain
  };

  Verb verb = Verb::kStatus;
  Form form = Form::kTables;
  std::optional<config::Endpoint> admin;  // --admin
  std::string config_file;                // -c, and then neither --admin nor --token-file; empty: not given
  std::string token_file;                 // empty: not given
  Milliseconds timeout{5'000};            // for all of the command; of kDrain for each time that it asks

  Filter filter;                            // kSessions
  std::optional<std::uint64_t> limit{100};  // kSessions, 1 at least; none: all of them
  std::string session;                      // kSession, kClose: its id
  std::string backend;                      // kReady, kMaintenance, kWeight, kDrain: POOL/BACKEND or BACKEND
  std::uint64_t weight = 0;                 // kWeight; Drover judges its range
  Drain drain;
};

// `arguments` without the program's name and "ctl".
std::expected<CtlLine, UsageText> parse_ctl_line(const std::vector<std::string>& arguments);

}  // namespace drover::app
