// A TlsStream between a stream without a socket and a handler that watches it, with OpenSSL at the other end: what must
// hold whatever happens.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/tls_context.h"
#include "net/tls_stream.h"
#include "require.h"
#include "support/fake_stream.h"
#include "support/openssl_peer.h"

namespace drover::net::fuzz {

// What the handler does in one of its callbacks, and the driver between them.
enum class Act : std::uint8_t { kNothing, kWrite, kWriteLast, kFinish, kClose, kPause, kResume, kRead };

// Calls the stream, and sees to it that it is called back only when it may be.
class Watcher final : public ByteStream::Handler {
 public:
  explicit Watcher(ByteStream& stream) : stream_(stream) { stream_.set_handler(*this); }

  void act(Act what, std::size_t size) {
    if (closing_) return;
    const int depth = std::exchange(calls_inside_, 1);
    switch (what) {
      case Act::kNothing: break;
      case Act::kWrite: write(size, false); break;
      case Act::kWriteLast: write(size, true); break;
      case Act::kFinish:
        stream_.finish_writing();
        finished_ = true;
        break;
      case Act::kClose:
        closing_ = true;
        stream_.close();
        break;
      case Act::kPause:
        paused_ = true;
        stream_.pause(PauseReason::kPeerSlow);
        break;
      case Act::kResume:
        paused_ = false;
        stream_.resume(PauseReason::kPeerSlow);
        break;
      case Act::kRead: stream_.start_reading(); break;
    }
    calls_inside_ = depth;
  }
  // In the callback after `callbacks` more.
  void plan(unsigned callbacks, Act what, std::size_t size) { plans_.push_back({callbacks, what, size}); }

  const std::string& text() const { return text_; }        // that came
  const std::string& written() const { return written_; }  // and must come to the peer, unless something goes wrong
  bool finished() const { return finished_; }
  bool paused() const { return paused_; }
  bool closing() const { return closing_; }
  bool closed() const { return closed_; }
  std::optional<ReadEnd> end() const { return end_; }
  const std::optional<bool>& connected() const { return connected_; }

 private:
  struct Plan {
    unsigned callbacks;
    Act what;
    std::size_t size;
  };

  void write(std::size_t size, bool last) {
    std::string text;
    for (std::size_t at = 0; at < size; ++at) text += static_cast<char>('a' + (written_.size() + at) % 23);
    if (!finished_ && !stream_.write_failed()) written_ += text;
    // In memory of its own, and in two pieces.
    const std::vector<std::uint8_t> own(as_bytes(text).begin(), as_bytes(text).end());
    const std::array<Bytes, 2> pieces{Bytes(own).first(size / 3), Bytes(own).subspan(size / 3)};
    last ? stream_.write_last(pieces) : stream_.write(pieces);
    finished_ = finished_ || last;
  }
  void called() {
    REQUIRE(calls_inside_ == 0);
    REQUIRE(!closing_);
    for (std::size_t at = 0; at < plans_.size(); ++at) {
      if (plans_[at].callbacks-- > 0) continue;
      const Plan due = plans_[at];
      plans_.erase(plans_.begin() + static_cast<std::ptrdiff_t>(at--));
      act(due.what, due.size);
    }
  }

  void on_connected(ByteStream& stream, Result<void> result) noexcept override {
    REQUIRE(&stream == &stream_ && !connected_ && !end_ && text_.empty());
    connected_ = result.has_value();
    REQUIRE(result || !result.error().detail.empty());
    called();
  }
  void on_read(ByteStream& stream, Bytes bytes) noexcept override {
    REQUIRE(&stream == &stream_ && !bytes.empty() && !end_ && !paused_);
    REQUIRE(connected_.value_or(true));
    text_ += as_text(bytes);
    called();
  }
  void on_read_end(ByteStream& stream, ReadEnd end) noexcept override {
    REQUIRE(&stream == &stream_ && !end_);
    REQUIRE(connected_.value_or(true));
    REQUIRE(stream.failure().empty() || end == ReadEnd::kReset || end == ReadEnd::kBroken);
    REQUIRE(!stream.failure().empty() || end != ReadEnd::kBroken);
    end_ = end;
    called();
  }
  void on_written(ByteStream& stream) noexcept override {
    REQUIRE(&stream == &stream_);
    called();
  }
  void on_closed(ByteStream& stream) noexcept override {
    REQUIRE(&stream == &stream_ && closing_ && !closed_);
    closed_ = true;
  }

  ByteStream& stream_;
  std::vector<Plan> plans_;
  std::string text_;
  std::string written_;
  std::optional<bool> connected_;
  std::optional<ReadEnd> end_;
  int calls_inside_ = 0;
  bool finished_ = false;
  bool paused_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

// The peer, and what it has on its way to the stream.
class Peer {
 public:
  explicit Peer(const test::Context& context) : peer_(context) {}

  test::OpenSslPeer& open_ssl() { return peer_; }
  const std::string& on_the_way() const { return on_the_way_; }
  const std::string& sent() const { return sent_; }  // plain
  const std::string& text() const { return text_; }  // that it has read
  // More than so many of the bytes that were sent must not come out of what was spoiled.
  std::size_t limit() const { return limit_; }
  // Everything is as OpenSSL has made it, and both sides have been let to do what they want.
  bool is_honest() const { return honest_; }
  void leave_honesty() { honest_ = false; }

  void write(std::size_t size) {
    std::string text;
    for (std::size_t at = 0; at < size; ++at) text += static_cast<char>('A' + (sent_.size() + at) % 23);
    if (!peer_.is_open() || finished_ || !peer_.write(text)) return;
    const auto before = sent_.size();
    sent_ += text;
    collect();
    if (size > 0) writes_.push_back({made_, before});
  }
  void finish() {
    if (!peer_.is_open()) return;
    finished_ = true;
    peer_.finish_writing();
    collect();
  }
  bool finished() const { return finished_; }
  void go_on() {
    if (!peer_.go_on()) honest_ = false;
    collect();
  }
  void take_in(std::string_view bytes) {
    peer_.give(bytes);
    text_ += peer_.read();
    if (peer_.error == SSL_ERROR_SSL || peer_.error == SSL_ERROR_SYSCALL) honest_ = false;
    ended_ = ended_ || peer_.error == SSL_ERROR_ZERO_RETURN;
    collect();
  }
  bool ended() const { return ended_; }  // by close_notify
  std::string leave(std::size_t size) {
    std::string front = on_the_way_.substr(0, size);
    on_the_way_.erase(0, front.size());
    left_ += front.size();
    return front;
  }
  void spoil(std::size_t at, unsigned bits) {
    if (on_the_way_.empty() || bits == 0) return;
    at %= on_the_way_.size();
    if (!spoiled_.insert(left_ + at).second) return;  // twice might be not at all
    honest_ = false;
    on_the_way_[at] = static_cast<char>(static_cast<unsigned char>(on_the_way_[at]) ^ bits);
    if (!peer_.is_open() || injected_) return;  // not every byte of a handshake counts
    // The write whose records have the byte does not come through whole, nor does any behind it.
    const auto spoiled = std::ranges::find_if(writes_, [&](const Write& each) { return each.end > left_ + at; });
    limit_ = std::min(limit_, spoiled == writes_.end() ? sent_.size() : next_after(*spoiled) - 1);
  }
  void inject(std::size_t at, std::string_view bytes) {
    if (bytes.empty()) return;
    honest_ = false;
    injected_ = true;  // positions mean nothing from here on
    on_the_way_.insert(at % (on_the_way_.size() + 1), bytes);
  }
  void collect() {
    const auto more = peer_.take();
    made_ += more.size();
    on_the_way_ += more;
  }

 private:
  struct Write {
    std::size_t end;     // of its records, in bytes of all that was made
    std::size_t before;  // plain bytes
  };
  std::size_t next_after(const Write& write) const {
    return &write == &writes_.back() ? sent_.size() : (&write + 1)->before;
  }

  test::OpenSslPeer peer_;
  std::string on_the_way_;
  std::string sent_;
  std::string text_;
  std::vector<Write> writes_;
  std::set<std::size_t> spoiled_;
  std::size_t made_ = 0;
  std::size_t left_ = 0;
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  bool honest_ = true;
  bool injected_ = false;
  bool finished_ = false;
  bool ended_ = false;
};

}  // namespace drover::net::fuzz
