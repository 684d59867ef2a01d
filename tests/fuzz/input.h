// What a fuzzer is given, read from the front. Behind its end it is zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace drover::fuzz {

class Input {
 public:
  Input(const std::uint8_t* bytes, std::size_t size) : bytes_(as_text({bytes, size})) {}
  bool empty() const { return bytes_.empty(); }
  unsigned byte() { return bytes_.empty() ? 0 : static_cast<unsigned char>(take(1).front()); }
  // As many as there are, where there are fewer.
  std::string_view take(std::size_t size) {
    const std::string_view front = bytes_.substr(0, size);
    bytes_.remove_prefix(front.size());
    return front;
  }

 private:
  std::string_view bytes_;
};

}  // namespace drover::fuzz
