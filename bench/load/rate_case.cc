// rate: messages are due at equal distances, each on the next session, whatever has come back. Latency counts from the
// moment a message was due, so that a proxy that stalls is charged with what would have been sent meanwhile.
#include "bench/load/herd.h"
#include "bench/load/metronome.h"

namespace drover::bench {

namespace {

constexpr Milliseconds kPatience{5'000};  // for what is still under way when the window closes

class RateCase final : public Herd {
 public:
  explicit RateCase(Stage& stage)
      : Herd(stage, Proof::kEcho),
        metronome_(stage.loop, stage.options.rate, [this](const Metronome::Beat& beat) { send(beat); }) {}

 private:
  void start() override {
    if (auto started = metronome_.start(); !started) stage().measurement.add_error(started.error().detail);
  }

  void send(const Metronome::Beat& beat) {
    client(beat.number % size()).send({beat.due, beat.number});
    if (stage().measurement.covers(beat.due)) ++missing_;
  }

  void on_echo(Client&, const Stamp& stamp) override {
    if (!stage().measurement.covers(stamp.nanoseconds)) return;
    stage().measurement.add(stamp.nanoseconds, nanoseconds_now());
    --missing_;
    finish_if_complete();
  }

  void stop() override {
    metronome_.stop();
    stopped_ = true;
    finish_after(kPatience,
                 [this] { stage().measurement.add_error(std::to_string(missing_) + " messages did not come back"); });
    finish_if_complete();
  }

  void finish_if_complete() {
    if (stopped_ && missing_ == 0) stage().finished();
  }

  Metronome metronome_;
  std::int64_t missing_ = 0;  // messages of the window that have not come back
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Case> make_rate_case(Stage& stage) {
  return std::make_unique<RateCase>(stage);
}

}  // namespace drover::bench
