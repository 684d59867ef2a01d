// drover-bench-micro: the pieces by time, with google-benchmark's own options.
#include <benchmark/benchmark.h>

#include <string>

#include "pieces.h"

namespace {

void run_turns(benchmark::State& state, const drover::bench::Piece& piece) {
  for (auto unused : state) benchmark::DoNotOptimize(piece.turn());
  const auto turns = state.iterations();
  state.SetItemsProcessed(turns * static_cast<std::int64_t>(piece.operations));
  state.SetBytesProcessed(turns * static_cast<std::int64_t>(piece.bytes));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const auto& piece : drover::bench::all_pieces()) {
    benchmark::RegisterBenchmark(std::string(piece.name).c_str(),
                                 [piece](benchmark::State& state) { run_turns(state, piece); });
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
