// getrandom(2) behind a buffer a thread. Drover never forks with a buffer filled: --daemon forks before any thread.
#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace drover {

namespace {

struct Buffer {
  std::array<std::uint8_t, 256> bytes{};  // getrandom() never returns less than asked for up to 256 bytes
  std::size_t left = 0;

  void refill() {
    ssize_t got = -1;
    do {
      got = ::getrandom(bytes.data(), bytes.size(), 0);
    } while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(bytes.size())) std::abort();  // no kernel since 3.17 does this
    left = bytes.size();
  }
};

}  // namespace

void fill_random(MutableBytes out) {
  thread_local Buffer buffer;
  while (!out.empty()) {
    if (buffer.left == 0) buffer.refill();
    const std::size_t size = std::min(out.size(), buffer.left);
    std::uint8_t* from = buffer.bytes.data() + (buffer.bytes.size() - buffer.left);
    std::memcpy(out.data(), from, size);
    std::memset(from, 0, size);  // an id that was handed out does not stay in memory
    buffer.left -= size;
    out = out.subspan(size);
  }
}

std::string to_hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  // What g++ 12 hands over as the size is the capacity, which may be more.
  text.resize_and_overwrite(bytes.size() * 2, [bytes](char* at, std::size_t /*size*/) {
    for (const auto byte : bytes) {
      *at++ = kDigits[byte >> 4];
      *at++ = kDigits[byte & 0xf];
    }
    return bytes.size() * 2;
  });
  return text;
}

}  // namespace drover
