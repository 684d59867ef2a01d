// CLI11 behind parse_load_options().
#include "bench/load/load_options.h"

#include <CLI/CLI.hpp>

#include <array>
#include <utility>

#include "bench/load/listening.h"
#include "bench/load/message_shape.h"

namespace drover::bench {

namespace {

constexpr std::array<std::pair<std::string_view, CaseName>, 7> kNames{{{"closed", CaseName::kClosed},
                                                                       {"rate", CaseName::kRate},
                                                                       {"churn", CaseName::kChurn},
                                                                       {"fanout", CaseName::kFanout},
                                                                       {"idle", CaseName::kIdle},
                                                                       {"drain", CaseName::kDrain},
                                                                       {"busy", CaseName::kBusy}}};
constexpr std::size_t kMostPayload = 16 << 20;

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

}  // namespace

std::string_view name_of(CaseName name) {
  return kNames[static_cast<std::size_t>(name)].first;
}

std::expected<LoadOptions, Usage> parse_load_options(int argc, const char* const* argv) {
  LoadOptions options;
  std::string target;
  double seconds = 1;
  double warmup = 0.3;
  std::map<std::string, CaseName> names(kNames.begin(), kNames.end());
  const std::map<std::string, Tls> handshakes{{"full", Tls::kFull}, {"resumed", Tls::kResumed}};
  CLI::App parser("A load of WebSocket clients: prints what came back, how fast, and what it cost --watch");
  parser.add_option("--target", target, "HOST:PORT, numeric")->required();
  parser.add_option("--case", options.name, "closed, rate, churn, fanout, idle, drain or busy")
      ->required()
      ->transform(CLI::CheckedTransformer(names));
  parser.add_option("--sessions", options.sessions, "Connections")->check(CLI::PositiveNumber);
  parser.add_option("--size", options.size, "Bytes of payload a message")
      ->check(CLI::Range(MessageShape::kLeastPayload, kMostPayload));
  parser.add_option("--in-flight", options.in_flight, "closed: messages under way a session")
      ->check(CLI::PositiveNumber);
  parser.add_option("--rate", options.rate, "rate, busy: messages a second, all sessions together")
      ->check(CLI::PositiveNumber);
  parser.add_option("--opening", options.opening, "All but churn: sessions a second that are opened; 0: at once")
      ->check(CLI::Range(0, 100'000));
  parser.add_option("--seconds", seconds, "What is measured")->check(CLI::PositiveNumber);
  parser.add_option("--warmup", warmup, "Seconds before it")->check(CLI::NonNegativeNumber);
  parser.add_option("--path", options.path, "All but fanout: path and query of the sessions");
  parser.add_option("--sources", options.sources, "Connect from 127.0.0.1 to 127.0.0.N in turn")
      ->check(CLI::Range(0, 250));
  parser.add_option("--tls", options.tls, "TLS, unchecked, with handshakes that are full or (churn) resumed")
      ->transform(CLI::CheckedTransformer(handshakes));
  parser.add_option("--watch", options.watch, "Process whose CPU time is measured");
  parser.add_flag("--hold", options.hold, "idle, drain, busy: keep the sessions until stdin ends");
  try {
    parser.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(Usage{parser.help(), 0});
  } catch (const CLI::ParseError& problem) {
    return std::unexpected(Usage{std::string(problem.what()) + "\n", 2});
  }
  if (options.tls == Tls::kResumed && options.name != CaseName::kChurn) {
    return std::unexpected(Usage{"--tls resumed: only the sessions of churn come again\n", 2});
  }
  if ((options.name == CaseName::kDrain || options.name == CaseName::kBusy) && !options.hold) {
    return std::unexpected(Usage{"--case drain, busy: what their sessions see later takes --hold\n", 2});
  }
  if (!options.path.starts_with('/')) return std::unexpected(Usage{"--path: begins with /\n", 2});
  if (options.tls != Tls::kNone && options.sources > 0) {
    return std::unexpected(Usage{"--sources: not with --tls\n", 2});
  }
  auto address = parse_address(target);
  if (!address) return std::unexpected(Usage{address.error().detail + "\n", 2});
  options.target = *address;
  options.seconds = milliseconds_of(seconds);
  options.warmup = milliseconds_of(warmup);
  return options;
}

}  // namespace drover::bench
