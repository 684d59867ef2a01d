// The server's half of an echo: a client's frames go in, in any pieces, and what a server sends back comes out:
// messages unmasked, Pongs for Pings, a Close for a Close.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace drover::bench {

class EchoStream {
 public:
  enum class State : std::uint8_t {
    kOpen,
    kClosed,  // the answer to a Close is the last that was put out
    kBroken,  // a frame without a mask
  };
  // Text messages, which are not fragmented, are not echoed from now on: each goes to `on_text`, whole, which may
  // append an answer in its place.
  using OnText = std::function<void(std::string_view text, std::vector<std::uint8_t>& out)>;
  void divert_texts(OnText on_text);

  // Appends to `out`. What follows a Close is not looked at.
  State feed(Bytes input, std::vector<std::uint8_t>& out);
  // Whether what has been put out ends with a frame.
  bool at_boundary() const { return remaining_ == 0 && header_size_ == 0; }

 private:
  struct Diversion {
    OnText on_text;
    std::vector<std::uint8_t> text;  // of the message at hand
    bool under_way = false;          // the frame at hand is one
  };
  bool diverts() const { return diversion_ != nullptr && diversion_->under_way; }
  std::size_t header_wanted() const;
  bool take_header(Bytes& input, std::vector<std::uint8_t>& out);
  void take_payload(Bytes& input, std::vector<std::uint8_t>& out);

  std::array<std::uint8_t, 14> header_{};  // of a frame whose header is cut short
  std::size_t header_size_ = 0;
  std::uint64_t remaining_ = 0;  // bytes of payload that have yet to come
  std::array<std::uint8_t, 4> mask_{};
  std::size_t mask_at_ = 0;
  bool swallow_ = false;
  bool close_ = false;
  std::unique_ptr<Diversion> diversion_;  // where texts are diverted
};

}  // namespace drover::bench
