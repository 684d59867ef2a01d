// Sizes by powers of two, kinds apart, payload in all.
#include "base/message_tally.h"

#include <doctest/doctest.h>

#include <cstdint>

namespace drover {

using Kind = MessageTally::Kind;

TEST_CASE("message tally: a bucket goes up to a power of two, that one included") {
  CHECK(MessageTally::bucket_of(0) == 0);
  CHECK(MessageTally::bucket_of(1) == 0);
  CHECK(MessageTally::bucket_of(2) == 1);
  for (std::size_t bucket = 2; bucket + 1 < MessageTally::kBuckets; ++bucket) {
    const auto bound = std::uint64_t{1} << bucket;
    CHECK(MessageTally::bucket_of(bound / 2 + 1) == bucket);
    CHECK(MessageTally::bucket_of(bound) == bucket);
    CHECK(MessageTally::bucket_of(bound + 1) == bucket + 1);
  }
}

TEST_CASE("message tally: the last bucket holds all that is larger") {
  CHECK(MessageTally::bucket_of(std::uint64_t{1} << 62) == MessageTally::kBuckets - 1);
  CHECK(MessageTally::bucket_of(UINT64_MAX) == MessageTally::kBuckets - 1);
}

TEST_CASE("message tally: messages are counted by kind and bucket, payload over all") {
  MessageTally tally;
  CHECK(tally.messages(Kind::kText) == 0);
  tally.add(Kind::kText, 64);
  tally.add(Kind::kText, 65);
  tally.add(Kind::kBinary, 64);
  tally.add(Kind::kBinary, 0);
  tally.add(Kind::kBinary, 63);
  CHECK(tally.messages(Kind::kText) == 2);
  CHECK(tally.messages(Kind::kBinary) == 3);
  CHECK(tally.in_bucket(Kind::kText, 6) == 1);
  CHECK(tally.in_bucket(Kind::kText, 7) == 1);
  CHECK(tally.in_bucket(Kind::kBinary, 6) == 2);
  CHECK(tally.in_bucket(Kind::kBinary, 0) == 1);
  CHECK(tally.payload_bytes() == 64 + 65 + 64 + 63);
}

}  // namespace drover
