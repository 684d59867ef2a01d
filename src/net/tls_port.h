// What the TLS streams of a loop share: one BIO for all of their SSL objects, and the buffers behind it. It serves one
// stream at a time, for the length of a call of OpenSSL's, so an idle connection owns no buffer here. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "net/openssl.h"

namespace drover::net {

class ByteStream;

class TlsPort {
 public:
  // `read_size`: the most that one read of the loop brings, in bytes.
  explicit TlsPort(std::size_t read_size);
  ~TlsPort();
  TlsPort(const TlsPort&) = delete;
  TlsPort& operator=(const TlsPort&) = delete;

  // For SSL_set_bio(), which takes over a reference: the caller's to add.
  bio_st* bio() { return bio_.get(); }

  // What OpenSSL reads next, and where it goes that it writes when there is more of it than room. Both stay the
  // caller's.
  void serve(ByteStream& below, Bytes input) {
    below_ = &below;
    input_ = input;
    messages_ = 0;
  }
  // Has the key updates and session tickets that come to `ssl`, whose BIO is this port's, counted.
  static void count_messages(ssl_st* ssl);
  // More than anybody needs at once. OpenSSL reads no more of the input then.
  bool too_many_messages() const { return messages_ > kMostMessages; }
  Bytes unread_input() const { return input_; }
  // What OpenSSL has written since; gone with the next call to the port or to OpenSSL.
  Bytes take_output();

  // Where records are decrypted to: room for all that one read can bring to an end, with what OpenSSL has held back.
  MutableBytes plain_buffer() { return {plain_.get(), plain_size_}; }

 private:
  struct Method;
  std::size_t read(MutableBytes room);
  void write(Bytes bytes);

  // A record's payload is 2^14 bytes at most (RFC 8446 section 5.1); OpenSSL may hold all but the last byte of one.
  static constexpr std::size_t kRecord = 16 * 1024;
  // 64 KiB of key updates would take 15 ms, and in one call: OpenSSL does not return before it has data.
  static constexpr unsigned kMostMessages = 32;

  OpenSslOwner<bio_st> bio_;
  const std::size_t plain_size_;
  std::unique_ptr<std::uint8_t[]> plain_;
  std::unique_ptr<std::uint8_t[]> output_;
  std::size_t output_used_ = 0;
  ByteStream* below_ = nullptr;
  Bytes input_;
  unsigned messages_ = 0;  // since serve()
};

}  // namespace drover::net
