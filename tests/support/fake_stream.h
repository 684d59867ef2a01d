// A stream without a socket, which takes as many bytes as it is told to. For unit tests and fuzzers.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/byte_stream.h"

namespace drover::test {

class FakeStream final : public net::ByteStream {
 public:
  void set_handler(Handler& handler) override { handler_ = &handler; }
  using ByteStream::write;
  void write(std::span<const Bytes> pieces) override {
    if (finishing_ || closed) ++late_writes;
    if (failed_ || finishing_ || closed) return;
    ++writes;
    if (on_write) on_write();
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
  void start_reading() override { reading_wanted = true; }
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
  // Of a stream that connects.
  void say_connected(Result<void> result) {
    if (!closed) handler_->on_connected(*this, std::move(result));
  }
  // Behind close(), at the end of a turn.
  void say_closed() { handler_->on_closed(*this); }
  // All that the peer gets: what was taken. `waiting` would follow.
  const std::string& taken() const { return taken_; }
  const std::string& waiting() const { return waiting_; }
  bool fin() const { return finishing_ && waiting_.empty(); }
  std::string take() { return std::exchange(taken_, {}); }

  static constexpr std::size_t kEndless = std::numeric_limits<std::size_t>::max();
  std::size_t room = kEndless;  // bytes that the socket takes at once, before anything waits
  net::Link link_state;
  std::function<void()> on_write;  // what happens elsewhere while a write takes its time
  int writes = 0;
  int last_writes = 0;          // with the end of writing in one call
  int late_writes = 0;          // after finish_writing() or close(), and dropped
  int kept_alive = 0;           // times
  bool reading_wanted = false;  // start_reading() has been called; receive() does not ask
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

}  // namespace drover::test
