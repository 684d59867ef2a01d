// The BIO's read takes from the input and its write appends to the output; neither ever waits, and a read that finds
// nothing says "later".
#include "net/tls_port.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "net/byte_stream.h"

namespace drover::net {

namespace {

// A frame of 64 KiB with its header in records, and an alert behind it: one system call.
constexpr std::size_t kOutputSize = 65 * 1024;

}  // namespace

struct TlsPort::Method {
  static TlsPort& port_of(BIO* bio) { return *static_cast<TlsPort*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* room, std::size_t size, std::size_t* got) {
    BIO_clear_retry_flags(bio);
    *got = port_of(bio).read({reinterpret_cast<std::uint8_t*>(room), size});
    if (*got > 0) return 1;
    BIO_set_retry_read(bio);
    return 0;
  }

  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* taken) {
    port_of(bio).write({reinterpret_cast<const std::uint8_t*>(bytes), size});
    *taken = size;
    return 1;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  // For the life of the process.
  static const BIO_METHOD* get() {
    static const BIO_METHOD* const kMethod = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "drover");
      if (made == nullptr) std::abort();
      BIO_meth_set_read_ex(made, read);
      BIO_meth_set_write_ex(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return kMethod;
  }
};

TlsPort::TlsPort(std::size_t read_size)
    : bio_(BIO_new(Method::get())),
      plain_size_(read_size + kRecord),
      plain_(std::make_unique_for_overwrite<std::uint8_t[]>(plain_size_)),
      output_(std::make_unique_for_overwrite<std::uint8_t[]>(kOutputSize)) {
  if (bio_ == nullptr) std::abort();
  BIO_set_data(bio_.get(), this);
  BIO_set_init(bio_.get(), 1);
}

TlsPort::~TlsPort() = default;

std::size_t TlsPort::read(MutableBytes room) {
  const std::size_t size = too_many_messages() ? 0 : std::min(room.size(), input_.size());
  if (size == 0) return 0;
  std::memcpy(room.data(), input_.data(), size);
  input_ = input_.subspan(size);
  return size;
}

void TlsPort::write(Bytes bytes) {
  if (output_used_ + bytes.size() > kOutputSize) below_->write(take_output());
  if (bytes.size() > kOutputSize) return below_->write(bytes);
  std::memcpy(output_.get() + output_used_, bytes.data(), bytes.size());
  output_used_ += bytes.size();
}

void TlsPort::count_messages(ssl_st* ssl) {
  SSL_set_info_callback(ssl, [](const SSL* whose, int where, int) {
    if ((where & SSL_CB_LOOP) == 0) return;
    const auto state = SSL_get_state(whose);
    const bool is_one =
        state == TLS_ST_SR_KEY_UPDATE || state == TLS_ST_CR_KEY_UPDATE || state == TLS_ST_CR_SESSION_TICKET;
    if (is_one) ++Method::port_of(SSL_get_rbio(whose)).messages_;
  });
}

Bytes TlsPort::take_output() {
  const Bytes output(output_.get(), output_used_);
  output_used_ = 0;
  return output;
}

}  // namespace drover::net
