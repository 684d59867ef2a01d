// A case of the load: what its sessions do before, in and after the window. `finished` is called once there is no more
// to wait for.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bench/load/client.h"
#include "bench/load/load_options.h"
#include "bench/load/measurement.h"

namespace drover::bench {

// What every case works with. Outlives it.
struct Stage {
  const LoadOptions& options;
  net::Loop& loop;
  Measurement& measurement;
  Wire wire;
  std::function<void()> finished;
};

class Case {
 public:
  virtual ~Case() = default;
  // Opens the sessions and goes through warm-up and window, all from the loop.
  virtual void begin() = 0;
  // What its sessions have seen while they were held, as a line of JSON; empty: they were not looked at.
  virtual std::string seen() const { return {}; }
};

std::unique_ptr<Case> make_closed_case(Stage& stage);
std::unique_ptr<Case> make_rate_case(Stage& stage);
std::unique_ptr<Case> make_fanout_case(Stage& stage);
std::unique_ptr<Case> make_idle_case(Stage& stage);
std::unique_ptr<Case> make_churn_case(Stage& stage);
std::unique_ptr<Case> make_drain_case(Stage& stage);
std::unique_ptr<Case> make_busy_case(Stage& stage);

// Something that is due once. Made anew for each wait of a case.
class Alarm final : public net::TimerWheel::Node {
 public:
  explicit Alarm(net::Loop& loop) : loop_(loop) {}
  ~Alarm() { loop_.wheel().disarm(*this); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Replaces what was due before.
  void after(Milliseconds delay, std::function<void()> task) {
    task_ = std::move(task);
    loop_.arm(*this, loop_.now() + delay);
  }
  void cancel() { loop_.wheel().disarm(*this); }

 private:
  void on_deadline() noexcept override { std::exchange(task_, nullptr)(); }
  net::Loop& loop_;
  std::function<void()> task_;
};

}  // namespace drover::bench
