// Nothing runs by itself here: whoever asks finds the keys as they have to be at that time.
#include "net/ticket_keys.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "base/random.h"

namespace drover::net {

namespace {

void wipe(TicketKeys::Key& key) {
  OPENSSL_cleanse(&key, sizeof(key));
}

}  // namespace

TicketKeys::~TicketKeys() {
  for (auto& each : keys_) wipe(each.key);
}

// A ticket that was sealed in a key's last moment can be opened for its whole life.
void TicketKeys::drop_expired(MonotonicTime now) {
  while (count_ > 0 && now - keys_[count_ - 1].born >= kRotation + kTicketLifetime) wipe(keys_[--count_].key);
}

TicketKeys::Key TicketKeys::current(MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  drop_expired(now);
  if (count_ == 0 || now - keys_.front().born >= kRotation) {
    std::ranges::move_backward(keys_.begin(), keys_.end() - 1, keys_.end());
    count_ = std::min(count_ + 1, kMost);
    Aged& fresh = keys_.front();
    fresh.born = now;
    fill_random(fresh.key.name);
    fill_random(fresh.key.cipher);
    fill_random(fresh.key.mac);
  }
  return keys_.front().key;
}

std::optional<TicketKeys::Found> TicketKeys::find(Bytes name, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  drop_expired(now);
  for (std::size_t at = 0; at < count_; ++at) {
    const auto& [key, born] = keys_[at];
    if (!std::ranges::equal(key.name, name)) continue;
    return Found{key, at == 0 && now - born < kRotation ? Age::kCurrent : Age::kOld};
  }
  return std::nullopt;
}

}  // namespace drover::net
