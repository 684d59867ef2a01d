// closed: every session keeps its messages under way. fanout: one session speaks, all hear it, then the next. idle:
// they are just open.
#include "bench/load/herd.h"

namespace drover::bench {

namespace {

class ClosedCase final : public Herd {
 public:
  explicit ClosedCase(Stage& stage) : Herd(stage, Proof::kEcho) {}

 private:
  void start() override {
    for (std::size_t i = 0; i < size(); ++i) {
      for (unsigned n = 0; n < stage().options.in_flight; ++n) client(i).send({nanoseconds_now(), n});
    }
  }
  void on_echo(Client& client, const Stamp& stamp) override {
    const std::uint64_t now = nanoseconds_now();
    stage().measurement.count(stamp.nanoseconds, now);
    client.send({now, stamp.number});
  }
};

class FanoutCase final : public Herd {
 public:
  explicit FanoutCase(Stage& stage) : Herd(stage, Proof::kAnswer) {}

 private:
  void start() override { speak(); }
  void on_echo(Client&, const Stamp& stamp) override {
    if (stamp.number != number_) return stage().measurement.add_error("a message that was not sent, or sent before");
    stage().measurement.count(stamp.nanoseconds, nanoseconds_now());
    if (++heard_ == size()) speak();
  }
  void speak() {
    heard_ = 0;
    client(0).send({nanoseconds_now(), ++number_});
  }

  std::uint64_t number_ = 0;
  std::size_t heard_ = 0;  // by how many
};

// No window: what is measured is the memory of others.
class IdleCase final : public Herd {
 public:
  explicit IdleCase(Stage& stage) : Herd(stage, Proof::kEcho) {}

 private:
  void go_on() override {
    stage().measurement.open();
    for (std::size_t i = 0; i < size(); ++i) stage().measurement.count(0, 0);
    stage().measurement.close();
    stage().finished();
  }
  void on_echo(Client&, const Stamp&) override {}
};

}  // namespace

std::unique_ptr<Case> make_closed_case(Stage& stage) {
  return std::make_unique<ClosedCase>(stage);
}
std::unique_ptr<Case> make_fanout_case(Stage& stage) {
  return std::make_unique<FanoutCase>(stage);
}
std::unique_ptr<Case> make_idle_case(Stage& stage) {
  return std::make_unique<IdleCase>(stage);
}

}  // namespace drover::bench
