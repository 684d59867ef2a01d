// A tunnel's surroundings without sockets and clocks: streams that take as many bytes as they are told to, and a host
// whose time stands still until it is moved on. For unit tests and the tunnel fuzzer.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/tunnel.h"

namespace drover::proxy::test {

class FakeStream final : public net::ByteStream {
 public:
  void set_handler(Handler& handler) override { handler_ = &handler; }
  using ByteStream::write;
  void write(std::span<const Bytes> pieces) override {
    if (finishing_ || closed) ++late_writes;
    if (failed_ || finishing_ || closed) return;
    ++writes;
    for (const Bytes piece : pieces) {
      const std::size_t taken = waiting_.empty() ? std::min(room, piece.size()) : 0;
      taken_.append(as_text(piece.first(taken)));
      if (room != kEndless) room -= taken;
      waiting_.append(as_text(piece.subspan(taken)));
    }
  }
  using ByteStream::write_last;
  void write_last(std::span<const Bytes> pieces) override {
    write(pieces);
    finish_writing();
    ++last_writes;
  }
  std::size_t queued() const override { return waiting_.size(); }
  bool write_failed() const override { return failed_; }
  void finish_writing() override { finishing_ = true; }
  void start_reading() override {}
  void pause(net::PauseReason reason) override { pauses_ |= static_cast<unsigned>(reason); }
  void resume(net::PauseReason reason) override { pauses_ &= ~static_cast<unsigned>(reason); }
  bool paused() const override { return pauses_ != 0; }
  std::size_t unread() const override { return link_state.unread; }
  net::Link link() const override { return link_state; }
  void keep_alive() override { ++kept_alive; }
  void close() override { closed = true; }

  // What the peer and its TCP do. Nothing happens once the stream is closed.
  // False: the stream is not being read, and the bytes are still the peer's.
  bool receive(std::string_view bytes) {
    if (closed || paused() || ended_) return false;
    // In memory of its own that is gone afterwards, as a worker's read buffer is.
    const std::vector<std::uint8_t> read(as_bytes(bytes).begin(), as_bytes(bytes).end());
    if (!read.empty()) handler_->on_read(*this, read);
    return true;
  }
  // A reset is noticed though the stream be paused only where `link_state` says so; here it is not.
  bool receive_end(net::ReadEnd end) {
    if (closed || paused() || ended_) return false;
    ended_ = true;
    handler_->on_read_end(*this, end);
    return true;
  }
  // Takes up to `size` of the bytes that wait.
  void drain(std::size_t size) {
    if (closed || failed_ || waiting_.empty()) return;
    size = std::min(size, waiting_.size());
    taken_.append(waiting_, 0, size);
    waiting_.erase(0, size);
    handler_->on_written(*this);
  }
  // The next write, or what waits, meets a dead connection.
  void fail() {
    if (closed || failed_) return;
    failed_ = true;
    if (waiting_.empty()) return;  // found out by the next write, which is dropped
    waiting_.clear();
    handler_->on_written(*this);
  }
  // All that the peer gets: what was taken. `waiting` would follow.
  const std::string& taken() const { return taken_; }
  const std::string& waiting() const { return waiting_; }
  bool fin() const { return finishing_ && waiting_.empty(); }
  std::string take() { return std::exchange(taken_, {}); }

  static constexpr std::size_t kEndless = std::numeric_limits<std::size_t>::max();
  std::size_t room = kEndless;  // bytes that the socket takes at once, before anything waits
  net::Link link_state;
  int writes = 0;
  int last_writes = 0;  // with the end of writing in one call
  int late_writes = 0;  // after finish_writing() or close(), and dropped
  int kept_alive = 0;   // times
  bool closed = false;

 private:
  Handler* handler_ = nullptr;
  std::string taken_;
  std::string waiting_;
  unsigned pauses_ = 0;
  bool failed_ = false;
  bool finishing_ = false;
  bool ended_ = false;
};

class FakeHost final : public TunnelHost {
 public:
  FakeStream& client() override { return client_; }
  FakeStream& backend() override { return backend_; }
  Books books() override { return {pool, traffic}; }
  void note_backend_round_trip(std::chrono::microseconds round_trip) override { round_trips.push_back(round_trip); }
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
    backend_.close();
  }
  void on_stream_closed() override {}

  // Moves the clock on, and lets `tunnel` know of each deadline that passes, at its time.
  void pass(Milliseconds time, Tunnel& tunnel) {
    const MonotonicTime end = now_ + time;
    int turns_without_time = 0;
    while (!finished && deadline_ && *deadline_ <= end) {
      turns_without_time = *deadline_ > now_ ? 0 : turns_without_time + 1;
      if (turns_without_time > 1'000) std::abort();  // on a real loop this would be a thread that spins
      now_ = std::max(now_, *deadline_);
      deadline_.reset();
      tunnel.on_deadline();
    }
    now_ = end;
  }

  std::chrono::microseconds precise_part{0};
  std::vector<std::chrono::microseconds> round_trips;  // to the backend
  std::optional<observe::Initiator> ended_by;
  std::optional<observe::Why> ended_why;
  bool finished = false;
  observe::PoolCounters pool;
  balancer::Traffic traffic;

 private:
  FakeStream client_;
  FakeStream backend_;
  MonotonicTime now_{Milliseconds(1'000'000)};
  std::optional<MonotonicTime> deadline_;
};

}  // namespace drover::proxy::test
