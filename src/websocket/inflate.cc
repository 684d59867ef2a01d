#include "websocket/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace drover::websocket {
namespace {

constexpr int kRawWindow = -15;  // no zlib header; the largest window covers every smaller one
constexpr std::size_t kStep = 4096;

struct EndInflate {
  z_stream& stream;
  ~EndInflate() { inflateEnd(&stream); }
};

}  // namespace

Inflated inflate(Bytes compressed, std::size_t most) {
  Inflated result;
  z_stream stream{};
  if (compressed.size() > std::numeric_limits<uInt>::max() || inflateInit2(&stream, kRawWindow) != Z_OK) return result;
  const EndInflate guard{stream};
  stream.next_in = const_cast<Bytef*>(compressed.data());  // it does not write there
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::size_t size = 0;
  int code = Z_OK;
  // It stops with room left once it has nothing to write.
  while (code == Z_OK && stream.avail_out == 0 && size < most) {
    result.text.resize(size + std::min(kStep, most - size));
    stream.next_out = reinterpret_cast<Bytef*>(result.text.data() + size);
    stream.avail_out = static_cast<uInt>(result.text.size() - size);
    code = ::inflate(&stream, Z_SYNC_FLUSH);
    size = result.text.size() - stream.avail_out;
  }
  result.text.resize(size);
  if (code == Z_STREAM_END) {
    result.end = Inflated::End::kLast;
  } else if (code != Z_OK && code != Z_BUF_ERROR) {
    result.end = Inflated::End::kBroken;
  } else {
    result.end = size < most ? Inflated::End::kInput : Inflated::End::kFull;
  }
  return result;
}

}  // namespace drover::websocket
