// rate: messages are due at equal distances, each on the next session, whatever has come back. Latency counts from the
// moment a message was due, so that a proxy that stalls is charged with what would have been sent meanwhile.
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench/load/herd.h"

namespace drover::bench {

namespace {

constexpr Milliseconds kPatience{5'000};  // for what is still under way when the window closes

class RateCase final : public Herd, net::Poller::Source {
 public:
  explicit RateCase(Stage& stage)
      : Herd(stage, Proof::kEcho),
        interval_(1e9 / stage.options.rate),
        timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {}
  ~RateCase() override {
    stage().loop.poller().forget(*this);
    ::close(timer_);
  }

 private:
  void start() override {
    began_ = nanoseconds_now();
    if (auto watched = stage().loop.poller().watch(*this, timer_, EPOLLIN); !watched) {
      stage().measurement.add_error(watched.error().detail);
    }
    send_what_is_due();
  }

  std::uint64_t due(std::uint64_t number) const {
    return began_ + static_cast<std::uint64_t>(static_cast<double>(number) * interval_);
  }

  void on_ready(std::uint32_t) noexcept override {
    std::uint64_t expirations = 0;
    if (::read(timer_, &expirations, sizeof(expirations)) > 0) send_what_is_due();
  }

  void send_what_is_due() {
    for (; due(next_) <= nanoseconds_now(); ++next_) {
      client(next_ % size()).send({due(next_), next_});
      if (stage().measurement.covers(due(next_))) ++missing_;
    }
    const std::uint64_t at = due(next_);
    const itimerspec when{.it_interval = {},
                          .it_value = {.tv_sec = static_cast<time_t>(at / 1'000'000'000),
                                       .tv_nsec = static_cast<long>(at % 1'000'000'000)}};
    ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
  }

  void on_echo(Client&, const Stamp& stamp) override {
    if (!stage().measurement.covers(stamp.nanoseconds)) return;
    stage().measurement.add(stamp.nanoseconds, nanoseconds_now());
    --missing_;
    finish_if_complete();
  }

  void stop() override {
    stage().loop.poller().forget(*this);
    stopped_ = true;
    finish_after(kPatience,
                 [this] { stage().measurement.add_error(std::to_string(missing_) + " messages did not come back"); });
    finish_if_complete();
  }

  void finish_if_complete() {
    if (stopped_ && missing_ == 0) stage().finished();
  }

  const double interval_;  // nanoseconds
  const int timer_;
  std::uint64_t began_ = 0;
  std::uint64_t next_ = 0;    // number of the message that is due next
  std::int64_t missing_ = 0;  // messages of the window that have not come back
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Case> make_rate_case(Stage& stage) {
  return std::make_unique<RateCase>(stage);
}

}  // namespace drover::bench
