// Results and the words for the sides.
#include "base/error.h"

#include <doctest/doctest.h>

namespace drover {

TEST_CASE("sides have the names that logs and metrics use") {
  CHECK(name_of(Side::kClient) == "client");
  CHECK(name_of(Side::kBackend) == "backend");
  CHECK(name_of(Side::kDrover) == "drover");
}

TEST_CASE("a failure carries its code, side and detail") {
  const Result<int> result = fail(Code::kAddress, Side::kDrover, "no such place");
  REQUIRE(!result);
  CHECK(result.error().code == Code::kAddress);
  CHECK(result.error().side == Side::kDrover);
  CHECK(result.error().detail == "no such place");
}

}  // namespace drover
