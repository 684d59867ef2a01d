// Compressed messages as a peer makes them, RFC 7692 section 7.2.1.
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

namespace drover::test {

// `flush`: how zlib ends it. What a sender takes off (00 00 ff ff) is gone.
inline std::string deflated(std::string_view text, int level = Z_DEFAULT_COMPRESSION, int flush = Z_SYNC_FLUSH) {
  z_stream stream{};
  deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string compressed(text.size() + text.size() / 100 + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  deflate(&stream, flush);
  compressed.resize(compressed.size() - stream.avail_out);
  deflateEnd(&stream);
  if (flush == Z_SYNC_FLUSH) compressed.resize(compressed.size() - 4);
  return compressed;
}

}  // namespace drover::test
