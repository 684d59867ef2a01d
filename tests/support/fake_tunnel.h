// A tunnel's surroundings without sockets and clocks: streams that take as many bytes as they are told to, and a host
// whose time stands still until it is moved on. For unit tests and the tunnel fuzzer.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <vector>

#include "proxy/tunnel.h"
#include "support/fake_stream.h"

namespace drover::proxy::test {

using drover::test::FakeStream;

class FakeHost final : public TunnelHost {
 public:
  FakeStream& client() override { return client_; }
  FakeStream& backend() override { return *serving_; }
  Books books() override { return {pool, traffic}; }
  void note_backend_round_trip(std::chrono::microseconds round_trip) override { round_trips.push_back(round_trip); }
  MonotonicTime farewell_slot(double) override { return now_ + farewell_after; }
  MonotonicTime now() const override { return now_; }
  std::chrono::microseconds precise_now() const override { return now_.time_since_epoch() + precise_part; }
  void arm(MonotonicTime deadline) override { deadline_ = deadline; }
  bool note_end(observe::Initiator initiator, observe::Why why) override {
    if (ended_by) return false;
    ended_by = initiator, ended_why = why;
    return true;
  }
  void finish() override {
    finished = true;
    client_.close();
    serving_->close();
    if (also_finish) also_finish();
  }
  void on_stream_closed() override {}

  // Moves the clock on, and lets `tunnel` know of each deadline that passes, at its time.
  void pass(Milliseconds time, Tunnel& tunnel) {
    const MonotonicTime end = now_ + time;
    int turns_without_time = 0;
    while (!finished) {
      const bool is_tunnels = !alarm || (deadline_ && *deadline_ <= *alarm);
      auto& due = is_tunnels ? deadline_ : alarm;
      if (!due || *due > end) break;
      turns_without_time = *due > now_ ? 0 : turns_without_time + 1;
      if (turns_without_time > 1'000) std::abort();  // on a real loop this would be a thread that spins
      now_ = std::max(now_, *due);
      due.reset();
      is_tunnels ? tunnel.on_deadline() : on_alarm();
    }
    now_ = end;
  }
  // For handoffs (fake_handoff.h): who is the backend from now on.
  void serve_by(FakeStream& backend) { serving_ = &backend; }

  Milliseconds farewell_after{0};  // how long the client of a lost backend has to wait to be told
  std::chrono::microseconds precise_part{0};
  std::vector<std::chrono::microseconds> round_trips;  // to the backend
  std::optional<observe::Initiator> ended_by;
  std::optional<observe::Why> ended_why;
  bool finished = false;
  std::optional<MonotonicTime> alarm;  // another deadline than the tunnel's; then,
  std::function<void()> on_alarm;      // this is called
  std::function<void()> also_finish;   // what else the session ends
  observe::PoolCounters pool;
  balancer::Traffic traffic;

 private:
  FakeStream client_;
  FakeStream backend_;
  FakeStream* serving_ = &backend_;
  MonotonicTime now_{Milliseconds(1'000'000)};
  std::optional<MonotonicTime> deadline_;
};

}  // namespace drover::proxy::test
