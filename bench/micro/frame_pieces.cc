// The data path: the frame scanner and a relay over it, each read a buffer of whole frames, with a sink that takes all.
#include <algorithm>
#include <memory>

#include "pieces.h"
#include "proxy/relay.h"
#include "websocket/frame_scanner.h"

namespace drover::bench {

namespace {

using websocket::FrameScanner;
using websocket::Sender;

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::uint8_t kBinary = 0x82;  // FIN and the opcode
constexpr std::uint8_t kPing = 0x89;

using Buffer = std::vector<std::uint8_t>;

// Of zeros, with a fixed mask: what is in a payload makes no difference, and the count is the same every time.
void append_frame(Buffer& buffer, std::uint8_t first, Sender sender, std::size_t payload) {
  const bool masked = sender == Sender::kClient;
  const auto mask_bit = static_cast<std::uint8_t>(masked ? 0x80 : 0);
  buffer.push_back(first);
  if (payload < 126) {
    buffer.push_back(static_cast<std::uint8_t>(mask_bit | payload));
  } else {
    buffer.push_back(static_cast<std::uint8_t>(mask_bit | 126));  // payloads here are below 64 KiB
    buffer.push_back(static_cast<std::uint8_t>(payload >> 8));
    buffer.push_back(static_cast<std::uint8_t>(payload & 0xff));
  }
  if (masked) buffer.insert(buffer.end(), {0x12, 0x34, 0x56, 0x78});
  buffer.insert(buffer.end(), payload, 0);
}

struct Frames {
  Buffer bytes;
  std::size_t count = 0;  // pings included
  std::size_t messages = 0;
};

// As many whole frames as fit into `room`, every `ping_every`th a ping; 0: none is.
Frames make_frames(Sender sender, std::size_t payload, std::size_t room = kReadSize, std::size_t ping_every = 0) {
  Frames frames;
  for (;;) {
    const bool ping = ping_every != 0 && frames.count % ping_every == ping_every - 1;
    Buffer frame;
    append_frame(frame, ping ? kPing : kBinary, sender, payload);
    if (frames.bytes.size() + frame.size() > room) return frames;
    frames.bytes.insert(frames.bytes.end(), frame.begin(), frame.end());
    ++frames.count;
    if (!ping) ++frames.messages;
  }
}

// The other side's socket, which takes everything and keeps nothing.
class SwallowingStream final : public net::ByteStream {
 public:
  void set_handler(Handler&) override {}
  using ByteStream::write;
  void write(std::span<const Bytes> pieces) override {
    for (const Bytes piece : pieces) swallowed_ += piece.size();
  }
  void write_last(std::span<const Bytes> pieces) override { write(pieces); }
  std::size_t queued() const override { return 0; }
  bool write_failed() const override { return false; }
  void finish_writing() override {}
  void start_reading() override {}
  void pause(net::PauseReason) override {}
  void resume(net::PauseReason) override {}
  bool paused() const override { return false; }
  std::size_t unread() const override { return 0; }
  net::Link link() const override { return {}; }
  void keep_alive() override {}
  void close() override {}

  std::uint64_t swallowed() const { return swallowed_; }

 private:
  std::uint64_t swallowed_ = 0;
};

class SilentObserver final : public proxy::Relay::Observer {
 public:
  bool takes_pong(const proxy::Relay&, Bytes) override { return false; }
  void on_ping_passed(const proxy::Relay&, const websocket::ControlFrame&) override {}
  bool takes_close(const proxy::Relay&, std::uint16_t) override { return false; }
  void on_ping_injected(const proxy::Relay&) override {}
  bool ends_with_close(const proxy::Relay&) override { return false; }
};

// One scan of the whole buffer, as a tunnel does it after a read.
Piece scan_piece(std::string_view name, Sender sender, Frames frames) {
  const std::size_t count = frames.count;
  const std::size_t size = frames.bytes.size();
  auto scanner = std::make_shared<FrameScanner>(sender);
  auto tally = std::make_shared<MessageTally>();
  const auto turn = [scanner, tally, read = std::move(frames)] {
    const std::uint64_t before = scanner->messages();
    Bytes input = read.bytes;
    std::uint64_t passed = 0;
    FrameScanner::Step step;
    do {
      step = scanner->scan(input, {}, *tally);
      passed += step.head.size() + step.body.size() + step.control.bytes.size();
      input = input.subspan(step.consumed);
    } while (step.stop == FrameScanner::Stop::kControl);
    require(passed == read.bytes.size() && scanner->messages() - before == read.messages, "scan");
    return passed;
  };
  return {name, count, size, turn};
}

// The buffer in reads of `read_size` bytes at most.
Piece relay_piece(std::string_view name, Sender sender, Frames frames, std::size_t read_size = kReadSize) {
  struct Direction {
    explicit Direction(Sender sender) : relay(sender) {}
    proxy::Relay relay;
    SwallowingStream sink;
    SilentObserver observer;
    MessageTally tally;
  };
  const std::size_t count = frames.count;
  const std::size_t size = frames.bytes.size();
  auto direction = std::make_shared<Direction>(sender);
  const auto turn = [direction, read_size, all = std::move(frames)] {
    const std::uint64_t before = direction->sink.swallowed();
    for (Bytes rest = all.bytes; !rest.empty();) {
      const Bytes read = rest.first(std::min(read_size, rest.size()));
      const auto event = direction->relay.feed(read, direction->sink, {}, direction->tally, direction->observer);
      require(event == proxy::Relay::Event::kNone, "relay");
      rest = rest.subspan(read.size());
    }
    const std::uint64_t passed = direction->sink.swallowed() - before;
    require(passed == all.bytes.size(), "relay");
    return passed;
  };
  return {name, count, size, turn};
}

}  // namespace

std::vector<Piece> frame_pieces() {
  constexpr Sender kClient = Sender::kClient;
  constexpr Sender kBackend = Sender::kBackend;
  constexpr std::size_t kPingEvery = 10;
  constexpr std::size_t kOddReadSize = 1'000;  // no multiple of a frame's size: frames and headers are cut
  std::vector<Piece> pieces;
  pieces.push_back(scan_piece("scan/client/64", kClient, make_frames(kClient, 64)));
  pieces.push_back(scan_piece("scan/backend/64", kBackend, make_frames(kBackend, 64)));
  pieces.push_back(scan_piece("scan/client/1024", kClient, make_frames(kClient, 1'024)));
  pieces.push_back(scan_piece("scan/backend/1024", kBackend, make_frames(kBackend, 1'024)));
  pieces.push_back(scan_piece("scan/client/16384", kClient, make_frames(kClient, 16'384)));
  pieces.push_back(scan_piece("scan/backend/16384", kBackend, make_frames(kBackend, 16'384)));
  pieces.push_back(scan_piece("scan/client/pings", kClient, make_frames(kClient, 64, kReadSize, kPingEvery)));
  pieces.push_back(relay_piece("relay/client/64", kClient, make_frames(kClient, 64)));
  pieces.push_back(relay_piece("relay/client/pings", kClient, make_frames(kClient, 64, kReadSize, kPingEvery)));
  // Room for one: what a tunnel of single messages does for each.
  pieces.push_back(relay_piece("relay/client/one", kClient, make_frames(kClient, 64, 100)));
  pieces.push_back(relay_piece("relay/client/cut", kClient, make_frames(kClient, 64), kOddReadSize));
  return pieces;
}

}  // namespace drover::bench
