// Two headers: the record's, and the one of the message in it.
#include "net/tls_hello.h"

namespace drover::net {

namespace {

constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::size_t kRecordHeader = 5;   // type, version, length
constexpr std::size_t kMessageHeader = 4;  // type, length
// Those of browsers have some 2 KB, with keys that outlive quantum computers and a ticket.
constexpr std::size_t kMost = 16 * 1024;

}  // namespace

Hello look_at_hello(Bytes received) {
  if (received.empty()) return Hello::kIncomplete;
  if (received[0] != kHandshakeRecord) return Hello::kPassable;
  if (received.size() < kRecordHeader) return Hello::kIncomplete;
  const std::size_t record = kRecordHeader + received[3] * 256U + received[4];
  if (received.size() >= kRecordHeader + kMessageHeader) {
    const std::size_t message = received[6] * 65'536U + received[7] * 256U + received[8];
    if (message > kMost) return Hello::kTooLarge;
  }
  if (record > kRecordHeader + kMost) return Hello::kPassable;  // for OpenSSL to refuse by its header alone
  return received.size() < record ? Hello::kIncomplete : Hello::kPassable;
}

}  // namespace drover::net
