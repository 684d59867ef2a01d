// Every close code there is.
#include "websocket/close_code.h"

#include <doctest/doctest.h>

namespace drover::websocket {
namespace {

// The legal codes from `first` to `last`.
unsigned legal_within(unsigned first, unsigned last) {
  unsigned legal = 0;
  for (unsigned code = first; code <= last; ++code) legal += may_be_sent(static_cast<std::uint16_t>(code)) ? 1U : 0U;
  return legal;
}

}  // namespace

TEST_CASE("close codes that may travel: 1000-1003, 1007-1014, 3000-4999") {
  CHECK(legal_within(0, 999) == 0);
  CHECK(legal_within(1000, 1003) == 4);
  CHECK(legal_within(1004, 1006) == 0);
  CHECK(legal_within(1007, 1014) == 8);
  CHECK(legal_within(1015, 2999) == 0);
  CHECK(legal_within(3000, 4999) == 2000);
  CHECK(legal_within(5000, 65535) == 0);
}

}  // namespace drover::websocket
