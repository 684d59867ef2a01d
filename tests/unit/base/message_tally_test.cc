// Sizes by powers of two, kinds apart, payload in all.
#include "base/message_tally.h"

#include <doctest/doctest.h>

#include <cstdint>

namespace drover {

using Kind = MessageTally::Kind;

TEST_CASE("message tally: a bucket goes up to a power of two, that one included") {
  CHECK(MessageTally::bucket_of(0) == 0);
  CHECK(MessageTally::bucket_of(1) == 0);
  for (std::size_t bucket = 0; bucket + 1 < MessageTally::kBuckets; ++bucket) {
    const auto largest = MessageTally::largest_in(bucket);
    CHECK(largest == std::uint64_t{2} << bucket);
    CHECK(MessageTally::bucket_of(largest / 2 + 1) == bucket);
    CHECK(MessageTally::bucket_of(largest) == bucket);
    CHECK(MessageTally::bucket_of(largest + 1) == bucket + 1);
  }
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
  CHECK(tally.in_bucket(Kind::kText, 5) == 1);
  CHECK(tally.in_bucket(Kind::kText, 6) == 1);
  CHECK(tally.in_bucket(Kind::kBinary, 5) == 2);
  CHECK(tally.in_bucket(Kind::kBinary, 0) == 1);
  CHECK(tally.payload_bytes() == 64 + 65 + 64 + 63);
}

}  // namespace drover
