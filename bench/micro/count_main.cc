// drover-bench-pieces: what check_instructions counts the instructions of.
//   --built-by     prints the compiler and the machine; counts are comparable only where they are the same
//   --list         prints each piece and its operations a turn
//   PIECE TURNS    runs that many turns of it
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "pieces.h"

namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "clang";
constexpr int kVersion = __clang_major__;
#else
constexpr const char* kCompiler = "g++";
constexpr int kVersion = __GNUC__;
#endif
#if defined(__x86_64__)
constexpr const char* kMachine = "x86-64";
#else
constexpr const char* kMachine = "another";
#endif

int run_turns(std::string_view name, std::size_t turns) {
  for (const auto& piece : drover::bench::all_pieces()) {
    if (piece.name != name) continue;
    std::uint64_t sum = 0;
    for (std::size_t turn = 0; turn < turns; ++turn) sum += piece.turn();
    return sum > 0 ? 0 : 1;
  }
  std::fprintf(stderr, "drover-bench-pieces: no such piece\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (argc == 2 && first == "--built-by") {
    std::printf("%s %d %s\n", kCompiler, kVersion, kMachine);
    return 0;
  }
  if (argc == 2 && first == "--list") {
    for (const auto& piece : drover::bench::all_pieces())
      std::printf("%s %zu\n", std::string(piece.name).c_str(), piece.operations);
    return 0;
  }
  std::size_t turns = 0;
  if (argc == 3) {
    const std::string_view count = argv[2];
    const auto read = std::from_chars(count.data(), count.data() + count.size(), turns);
    if (read.ec == std::errc() && read.ptr == count.data() + count.size() && turns > 0) return run_turns(first, turns);
  }
  std::fprintf(stderr, "usage: drover-bench-pieces --built-by | --list | PIECE TURNS\n");
  return 2;
}
