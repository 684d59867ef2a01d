// The payload of a ping is a random tag and a number: the Pong of an old ping can come long after life was seen.
#include "proxy/pulse.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/random.h"

namespace drover::proxy {

Pulse::Due Pulse::due(MonotonicTime now, const PingLimits& limits) const {
  const auto at = next_due(limits);
  if (!at || now < *at) return Due::kNothing;
  return unanswered() ? Due::kVerdict : Due::kPing;
}

std::optional<MonotonicTime> Pulse::next_due(const PingLimits& limits) const {
  if (limits.interval.count() == 0) return std::nullopt;
  return unanswered() ? asked_at_ + limits.timeout : heard_at_ + limits.interval;
}

Pulse::PingPayload Pulse::next_ping() {
  PingPayload payload{};
  if (sent_ == 0) {
    std::array<std::uint8_t, sizeof(tag_)> random{};
    fill_random(random);
    std::memcpy(&tag_, random.data(), sizeof(tag_));
  }
  ++sent_;
  std::memcpy(payload.data(), &tag_, sizeof(tag_));
  std::memcpy(payload.data() + sizeof(tag_), &sent_, sizeof(sent_));
  return payload;
}

void Pulse::note_sent(std::chrono::microseconds precise_now) {
  sent_at_ = static_cast<std::uint32_t>(precise_now.count());
}

void Pulse::note_waiting(MonotonicTime now, const net::Link& link) {
  ask(Asking::kWaiting, now, link);
}

void Pulse::note_asked(MonotonicTime now, const net::Link& link) {
  ask(Asking::kAsked, now, link);
}

void Pulse::ask(Asking asking, MonotonicTime now, const net::Link& link) {
  asking_ = asking;
  asked_at_ = now;
  acknowledged_ = static_cast<std::uint32_t>(link.acknowledged);
  behind_ = link.unsent;
}

bool Pulse::takes_in(MonotonicTime now, const net::Link& link) {
  const auto acknowledged = static_cast<std::uint32_t>(link.acknowledged);
  if (acknowledged == acknowledged_ || !(behind_ || link.unsent)) return false;
  acknowledged_ = acknowledged;
  asked_at_ = now;
  behind_ = link.unsent;
  return true;
}

bool Pulse::answers(Bytes payload, std::chrono::microseconds precise_now) {
  if (payload.size() != sizeof(PingPayload) || std::memcmp(payload.data(), &tag_, sizeof(tag_)) != 0) return false;
  std::uint32_t number = 0;
  std::memcpy(&number, payload.data() + sizeof(tag_), sizeof(number));
  // A Pong may answer several pings at once, the newest of them; numbers wrap round.
  const std::uint32_t open = sent_ - answered_;
  if (number - answered_ - 1 >= open) return false;
  answered_ = number;
  if (number == sent_) rtt_ = std::max(static_cast<std::uint32_t>(precise_now.count()) - sent_at_, std::uint32_t{1});
  return true;
}

std::optional<std::chrono::microseconds> Pulse::rtt() const {
  if (rtt_ == 0) return std::nullopt;
  return std::chrono::microseconds(rtt_);
}

}  // namespace drover::proxy
