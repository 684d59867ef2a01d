// What a server sends to a client of the load run: echoes, checked byte for byte, pings, a Close, and text messages,
// which a proxy sends of its own accord.
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
    kText,     // a text message, which is no echo; what it says is not looked at
    kClose,
    kBroken,  // anything else; final
  };
  // The next one that ends in `input`; takes what it read off its front.
  Item next(Bytes& input);

  const Stamp& stamp() const { return stamp_; }
  Bytes payload() const { return Bytes(other_).subspan(kHeader); }  // of a ping; until the next call

 private:
  static constexpr std::size_t kHeader = 2;

  bool take_echo(Bytes part);
  Item take_other(Bytes& input);
  std::size_t other_wanted() const;

  const MessageShape* shape_;
  std::size_t at_ = 0;  // bytes of the echo at hand that have come
  Stamp stamp_;
  std::vector<std::uint8_t> other_;  // the frame at hand that is no echo
};

}  // namespace drover::bench
