// One node of the wheel: it waits for the next round, or for the end of this one.
#include "health/rounds.h"

#include "base/random.h"

namespace drover::health {

namespace {

double random_share() {
  std::uint8_t byte = 0;
  fill_random({&byte, 1});
  return byte / 255.0;
}

}  // namespace

Rounds::Rounds(net::Loop& loop, const Schedule& schedule, Milliseconds timeout, Task task)
    : loop_(loop), schedule_(schedule), timeout_(timeout), task_(std::move(task)) {}

Rounds::~Rounds() {
  loop_.wheel().disarm(*this);
}

void Rounds::end() {
  under_way_ = false;
  loop_.arm(*this, schedule_.after(loop_.now(), random_share()));
}

void Rounds::on_deadline() noexcept {
  if (under_way_) {
    end();
    return task_.cut();
  }
  under_way_ = true;
  loop_.arm(*this, loop_.now() + timeout_);
  task_.begin();
}

}  // namespace drover::health
