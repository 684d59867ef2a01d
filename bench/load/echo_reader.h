// What a server sends to a client of the load run: echoes, checked byte for byte, pings, and a Close.
#pragma once

#include <vector>

#include "bench/load/message_shape.h"

namespace drover::bench {

class EchoReader {
 public:
  // `shape` outlives the reader.
  explicit EchoReader(const MessageShape& shape) : shape_(&shape) {}

  enum class Item : std::uint8_t {
    kNone,     // the input is used up
    kMessage,  // stamp() says which
    kPing,     // payload() is to be sent back
    kClose,
    kBroken,  // anything else; final
  };
  // The next one that ends in `input`; takes what it read off its front.
  Item next(Bytes& input);

  const Stamp& stamp() const { return stamp_; }
  Bytes payload() const { return Bytes(control_).subspan(kControlHeader); }  // until the next call

 private:
  static constexpr std::size_t kControlHeader = 2;

  bool take_echo(Bytes part);
  Item take_control(Bytes& input);

  const MessageShape* shape_;
  std::size_t at_ = 0;  // bytes of the echo at hand that have come
  Stamp stamp_;
  std::vector<std::uint8_t> control_;  // the control frame at hand
};

}  // namespace drover::bench
