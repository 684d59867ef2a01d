// The pieces of work that are measured alone: by time (google-benchmark) and by instructions (callgrind).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace drover::bench {

// One turn of a piece. Returns something that depends on all of the work, so that none of it is optimized away. A turn
// that does not come out as it should aborts: a fast mistake is no benchmark.
using Turn = std::function<std::uint64_t()>;

struct Piece {
  std::string_view name;
  std::size_t operations;  // frames or heads a turn
  std::size_t bytes;       // of input a turn
  Turn turn;
};

std::vector<Piece> frame_pieces();
std::vector<Piece> head_pieces();

// Both, in that order. Each call makes them anew.
std::vector<Piece> all_pieces();

// Ends the program, saying why, unless `holds`.
void require(bool holds, const char* what);

}  // namespace drover::bench
