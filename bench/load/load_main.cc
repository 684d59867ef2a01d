// drover-bench-load: runs one case, prints one line of JSON, and with --hold keeps the sessions until stdin ends. Where
// it looks at them meanwhile, another line follows.
#include <unistd.h>

#include <array>
#include <cstdio>

#include "bench/load/case.h"
#include "bench/load/listening.h"
#include "bench/load/load_options.h"

namespace {

namespace bench = drover::bench;
namespace net = drover::net;

// The end of stdin.
class Release final : net::Poller::Source {
 public:
  explicit Release(net::Loop& loop) : loop_(loop) {
    // A file cannot be waited for, and has ended already.
    if (!loop_.poller().watch(*this, STDIN_FILENO, EPOLLIN)) come();
  }
  ~Release() { loop_.poller().forget(*this); }
  Release(const Release&) = delete;
  Release& operator=(const Release&) = delete;
  bool has_come() const { return has_come_; }

 private:
  void on_ready(std::uint32_t) noexcept override {
    std::array<char, 256> unwanted;
    if (::read(STDIN_FILENO, unwanted.data(), unwanted.size()) <= 0) come();
  }
  void come() {
    has_come_ = true;
    loop_.stop();
  }
  net::Loop& loop_;
  bool has_come_ = false;
};

std::unique_ptr<bench::Case> make_case(bench::Stage& stage) {
  using bench::CaseName;
  switch (stage.options.name) {
    case CaseName::kClosed: return make_closed_case(stage);
    case CaseName::kRate: return make_rate_case(stage);
    case CaseName::kChurn: return make_churn_case(stage);
    case CaseName::kFanout: return make_fanout_case(stage);
    case CaseName::kDrain: return make_drain_case(stage);
    case CaseName::kBusy: return make_busy_case(stage);
    case CaseName::kIdle: break;
  }
  return make_idle_case(stage);
}

void print_line(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// As a line of JSON. Handshakes that were not those asked for are an error of their own.
std::string result_of(bench::Measurement& measurement, const bench::LoadOptions& options,
                      const std::optional<bench::Encryption>& encryption) {
  if (!encryption) return measurement.to_json(options);
  const bench::Handshakes handshakes = encryption->handshakes();
  const std::string objection = objection_to(handshakes, options);
  if (measurement.errors() == 0 && !objection.empty()) measurement.add_error(objection);
  return measurement.to_json(options, &handshakes);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::parse_load_options(argc, argv);
  if (!options) {
    std::fputs(options.error().text.c_str(), options.error().exit_code == 0 ? stdout : stderr);
    return options.error().exit_code;
  }
  net::Loop loop;
  std::optional<bench::Encryption> encryption;
  if (options->tls != bench::Tls::kNone) {
    auto made = bench::Encryption::make(loop, options->tls);
    if (!made) bench::die(made.error().detail);
    encryption.emplace(*std::move(made));
  }
  bench::Measurement measurement(options->watch);
  bench::Stage stage{.options = *options,
                     .loop = loop,
                     .measurement = measurement,
                     .wire = {.target = options->target,
                              .path = options->name == bench::CaseName::kFanout ? "/fanout" : options->path,
                              .sources = options->sources,
                              .encryption = encryption ? &*encryption : nullptr,
                              .shape = bench::MessageShape(options->size),
                              .outgoing = {}},
                     .finished = [&loop] { loop.stop(); }};
  const auto running = make_case(stage);
  running->begin();
  loop.run();
  if (measurement.operations() == 0 && measurement.errors() == 0) measurement.add_error("nothing came back");
  print_line(result_of(measurement, *options, encryption));
  if (options->hold && measurement.errors() == 0) {
    const Release release(loop);
    loop.run();
    if (const std::string seen = running->seen(); !seen.empty()) {
      print_line(seen);
      if (!release.has_come()) loop.run();
    }
  }
  return measurement.errors() == 0 ? 0 : 1;
}
