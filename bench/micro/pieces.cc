// What the pieces share.
#include "pieces.h"

#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace drover::bench {

std::vector<Piece> all_pieces() {
  auto pieces = frame_pieces();
  auto heads = head_pieces();
  pieces.insert(pieces.end(), std::make_move_iterator(heads.begin()), std::make_move_iterator(heads.end()));
  return pieces;
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "a piece went wrong: %s\n", what);
  std::abort();
}

}  // namespace drover::bench
