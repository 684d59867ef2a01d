// The keys that session tickets are sealed with (RFC 5077 section 4, RFC 8446 section 4.6.1). All workers share them,
// so a client may come back to any of them. A new one every hour: who steals one reads no more than that.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/bytes.h"
#include "base/clock.h"

namespace drover::net {

class TicketKeys {
 public:
  struct Key {
    std::array<std::uint8_t, 16> name;    // stands in the ticket
    std::array<std::uint8_t, 32> cipher;  // AES-256-CBC
    std::array<std::uint8_t, 32> mac;     // HMAC-SHA-256
  };
  enum class Age : std::uint8_t { kCurrent, kOld };
  struct Found {
    Key key;
    Age age;  // of an old one the client should get a new ticket
  };

  TicketKeys() = default;
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // Any thread; handshakes alone ask, so the lock is on nobody's data path. `now`: the monotonic clock's.
  // The one to seal with.
  Key current(MonotonicTime now);
  // None: unknown, or too old; the client has to do a full handshake.
  std::optional<Found> find(Bytes name, MonotonicTime now);

  static constexpr std::chrono::hours kRotation{1};
  static constexpr std::chrono::hours kTicketLifetime{2};

 private:
  struct Aged {
    Key key;
    MonotonicTime born;
  };
  void drop_expired(MonotonicTime now);

  // Each is born kRotation after the one before at the earliest.
  static constexpr std::size_t kMost = (kRotation + kTicketLifetime) / kRotation;

  std::mutex mutex_;              // guards what follows
  std::array<Aged, kMost> keys_;  // the newest first
  std::size_t count_ = 0;
};

}  // namespace drover::net
