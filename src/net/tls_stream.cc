// OpenSSL is called with everything at hand that it may want and with room for all that it may say, so it never waits
// in the middle of something, and no callback comes from within a call of it.
#include "net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include "base/random.h"
#include "net/tls_error.h"
#include "net/tls_hello.h"
#include "net/tls_port.h"

namespace drover::net {

namespace {

// Key updates that somebody asks for (RFC 8446 section 4.6.3) and does not take the answers to: 150 of them.
constexpr std::uint32_t kMostAnswered = 4096;

}  // namespace

TlsStream::TlsStream(Loop& loop, ByteStream& below, OpenSslOwner<ssl_st> ssl, Role role)
    : loop_(loop), below_(below), ssl_(std::move(ssl)), opening_(std::make_unique<Opening>()), role_(role) {
  if (ssl_ != nullptr) {
    bio_st* const bio = loop_.tls().bio();
    BIO_up_ref(bio);
    SSL_set_bio(ssl_.get(), bio, bio);
    TlsPort::count_messages(ssl_.get());
  }
  below_.set_handler(*this);
}

TlsStream::~TlsStream() = default;

TlsCounts::OfSide& TlsStream::counts() {
  return role_ == Role::kServer ? loop_.tls_counts().clients : loop_.tls_counts().backends;
}

void TlsStream::on_connected(ByteStream&, Result<void> result) noexcept {
  if (!result) return handler_->on_connected(*this, std::move(result));
  opening_->begun = true;
  if (loop_.turns().take_turn()) return shake_hands({});
  loop_.turns().join(*this);
}

void TlsStream::start_reading() {
  if (reading_ != Reading::kNotWanted) return;
  reading_ = Reading::kWanted;
  if (life_ == Life::kHandshake) {
    if (role_ == Role::kServer) below_.start_reading();
  } else if (opening_ != nullptr && life_ == Life::kOpen) {
    wait_for_turn();  // the handler is not called from here
  }
}

void TlsStream::wait_for_turn() {
  below_.pause(PauseReason::kNoTurn);
  loop_.turns().join(*this);
}

void TlsStream::on_read(ByteStream&, Bytes bytes) noexcept {
  if (opening_ == nullptr) [[likely]]
    return receive(bytes);
  if (life_ != Life::kHandshake && life_ != Life::kOpen) return;
  opening_->begun = true;
  if (role_ == Role::kServer && !opening_->greeted) return greet(bytes);
  if (life_ == Life::kHandshake && opening_->received.empty() && loop_.turns().take_turn()) return shake_hands(bytes);
  opening_->received.insert(opening_->received.end(), bytes.begin(), bytes.end());
  wait_for_turn();
}

// The client's first words.
void TlsStream::greet(Bytes bytes) {
  auto& received = opening_->received;
  const bool first = received.empty();
  if (!first) received.insert(received.end(), bytes.begin(), bytes.end());
  const Hello hello = look_at_hello(first ? bytes : Bytes(received));
  if (hello == Hello::kTooLarge) {
    give_up("TLS: a hello that announces too much");
    return say_failed(ReadEnd::kBroken);
  }
  opening_->greeted = hello == Hello::kPassable;
  if (opening_->greeted && first && loop_.turns().take_turn()) return shake_hands(bytes);
  if (first) received.assign(bytes.begin(), bytes.end());
  if (opening_->greeted) wait_for_turn();
}

void TlsStream::on_turn() noexcept {
  if (life_ == Life::kHandshake) return shake_hands(std::exchange(opening_->received, {}));
  if (life_ == Life::kOpen) return hand_on_early_bytes();
  if (life_ == Life::kBroken) end_reading(ReadEnd::kBroken);  // by a write
}

void TlsStream::shake_hands(Bytes received) {
  if (ssl_ == nullptr) {
    give_up("TLS: no memory, or no name to check the certificate by");
    return say_failed(ReadEnd::kBroken);
  }
  TlsPort& port = loop_.tls();
  port.serve(below_, received);
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  const Bytes rest = port.unread_input();
  if (done == 1) return finish_handshake(rest);
  if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ) {
    flush();
    below_.start_reading();
    return below_.resume(PauseReason::kNoTurn);
  }
  give_up(reason_of("the handshake failed"));
  say_failed(ReadEnd::kBroken);
}

void TlsStream::flush() {
  if (const Bytes output = loop_.tls().take_output(); !output.empty()) below_.write(output);
}

void TlsStream::finish_handshake(Bytes rest) {
  flush();
  (SSL_session_reused(ssl_.get()) == 1 ? counts().resumed : counts().full).add(1);
  life_ = Life::kOpen;
  opening_->received.assign(rest.begin(), rest.end());
  const std::vector<std::uint8_t> written = std::exchange(opening_->written, {});
  if (!written.empty() || opening_->finish) {
    const Bytes piece = written;
    send(std::span<const Bytes>(&piece, 1), opening_->finish ? Ending::kNotify : Ending::kNone);
  }
  if (role_ == Role::kClient) handler_->on_connected(*this, {});
  if (life_ == Life::kOpen) hand_on_early_bytes();
}

void TlsStream::resume(PauseReason reason) {
  below_.resume(reason);
  if (opening_ != nullptr && life_ == Life::kOpen && reading_ == Reading::kWanted && !below_.paused()) wait_for_turn();
}

// What came behind the end of the handshake, once somebody wants it.
void TlsStream::hand_on_early_bytes() {
  if (reading_ == Reading::kNotWanted) return below_.pause(PauseReason::kNoTurn);
  loop_.turns().leave(*this);  // start_reading() in on_connected has made it wait
  below_.resume(PauseReason::kNoTurn);
  if (below_.paused() && !opening_->received.empty()) return;  // until resume()
  const auto opening = std::move(opening_);
  if (!opening->received.empty()) receive(opening->received);
}

void TlsStream::receive(Bytes bytes) {
  if (life_ != Life::kOpen || reading_ == Reading::kEnded) return;  // what comes behind the end is nobody's
  TlsPort& port = loop_.tls();
  port.serve(below_, bytes);
  const MutableBytes plain = port.plain_buffer();
  std::size_t size = 0;
  int failed = SSL_ERROR_NONE;
  ERR_clear_error();
  // Until a record is cut, whose part OpenSSL keeps, or all has been read: then asking it again would be for nothing.
  do {
    std::size_t got = 0;
    const int read = SSL_read_ex(ssl_.get(), plain.data() + size, plain.size() - size, &got);
    if (read == 1) {
      size += got;
    } else {
      failed = SSL_get_error(ssl_.get(), read);
    }
  } while (failed == SSL_ERROR_NONE && (!port.unread_input().empty() || SSL_pending(ssl_.get()) > 0));
  if (failed != SSL_ERROR_NONE && failed != SSL_ERROR_ZERO_RETURN && failed != SSL_ERROR_WANT_READ) {
    give_up(reason_of("a broken record"));
  } else if (port.too_many_messages()) [[unlikely]] {
    give_up("TLS: too many key updates or session tickets at once");
  } else if (const Bytes answer = port.take_output(); !answer.empty()) [[unlikely]] {
    below_.write(answer);
    if (answers_too_much(answer.size())) give_up("TLS: too many key updates, whose answers are not read");
  }
  if (size > 0) handler_->on_read(*this, plain.first(size));
  if (life_ == Life::kBroken) return say_failed(ReadEnd::kBroken);
  if (failed == SSL_ERROR_ZERO_RETURN && life_ == Life::kOpen) end_reading(ReadEnd::kEof);
}

bool TlsStream::answers_too_much(std::size_t answered) {
  answered_ = below_.queued() == 0 ? 0 : answered_ + static_cast<std::uint32_t>(answered);
  return answered_ > kMostAnswered;
}

void TlsStream::write(std::span<const Bytes> pieces) {
  send(pieces, Ending::kNone);
}

void TlsStream::write_last(std::span<const Bytes> pieces) {
  send(pieces, Ending::kNotify);
}

void TlsStream::finish_writing() {
  send({}, Ending::kNotify);
}

void TlsStream::send(std::span<const Bytes> pieces, Ending ending) {
  if (finished_ || write_failed()) return;
  if (life_ == Life::kHandshake) {
    if (opening_->finish) return;
    for (const Bytes piece : pieces) opening_->written.insert(opening_->written.end(), piece.begin(), piece.end());
    opening_->finish = opening_->finish || ending == Ending::kNotify;
    return;
  }
  if (life_ != Life::kOpen) return;
  TlsPort& port = loop_.tls();
  port.serve(below_, {});
  for (const Bytes piece : pieces) {
    std::size_t written = 0;
    if (piece.empty()) continue;
    if (SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &written) != 1) {
      // Such as a handshake's message that the peer has left half said: OpenSSL does not write meanwhile.
      give_up(reason_of("cannot be encrypted"));
      return loop_.turns().join(*this);  // the handler is not called from here
    }
  }
  if (ending == Ending::kNone) return flush();
  finished_ = true;
  if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();  // no close_notify then, but the end all the same
  below_.write_last(port.take_output());
}

std::size_t TlsStream::queued() const {
  return below_.queued() + (opening_ == nullptr ? 0 : opening_->written.size());
}

// Of the failure that OpenSSL has just told of.
std::string TlsStream::reason_of(const char* what) const {
  // There is an opinion of the certificate where nobody asks for one, too.
  const bool not_believed = ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  std::string reason = "TLS: " + take_openssl_error(what);
  if (not_believed) reason += std::string(": ") + X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
  return reason;
}

// An alert that OpenSSL has written goes out; then nothing does.
void TlsStream::give_up(std::string why) {
  if (life_ == Life::kHandshake) {
    counts().failed.add(1);
    opening_->written = {};
  }
  life_ = Life::kBroken;
  failure_ = std::make_unique<std::string>(std::move(why));
  below_.write_last(loop_.tls().take_output());
}

void TlsStream::say_failed(ReadEnd end) {
  if (opening_ != nullptr && role_ == Role::kClient) {
    reading_ = Reading::kEnded;  // there is nothing else to say
    return handler_->on_connected(*this, fail(Code::kConnectFailed, Side::kBackend, *failure_));
  }
  end_reading(end);
}

void TlsStream::end_reading(ReadEnd end) {
  if (reading_ == Reading::kEnded) return;
  reading_ = Reading::kEnded;
  handler_->on_read_end(*this, end);
}

void TlsStream::on_read_end(ByteStream&, ReadEnd end) noexcept {
  if (life_ == Life::kHandshake && opening_->begun) {
    give_up(std::string("TLS: the connection was ") + (end == ReadEnd::kEof ? "ended" : "reset") +
            " during the handshake");
    return say_failed(ReadEnd::kReset);
  }
  end_reading(end == ReadEnd::kEof ? ReadEnd::kTruncated : end);
}

void TlsStream::on_written(ByteStream&) noexcept {
  if (below_.queued() == 0) answered_ = 0;
  handler_->on_written(*this);
}

void TlsStream::on_closed(ByteStream&) noexcept {
  handler_->on_closed(*this);  // last: the stream may be gone
}

void TlsStream::close() {
  if (life_ == Life::kClosed) return;
  if (life_ == Life::kHandshake && opening_->begun) counts().failed.add(1);
  life_ = Life::kClosed;
  if (waits()) loop_.turns().leave(*this);
  // Else OpenSSL would think that the session was cut off, and never resume it.
  if (ssl_ != nullptr) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.reset();
  opening_.reset();
  below_.close();
}

std::optional<PeerIdentity> TlsStream::peer_identity() const {
  if (life_ != Life::kOpen) return std::nullopt;
  const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return std::nullopt;
  PeerIdentity identity;
  const OpenSslOwner<BIO> text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  identity.subject.assign(bytes, static_cast<std::size_t>(size));
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned digest_size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &digest_size);
  identity.fingerprint = to_hex(Bytes(digest).first(digest_size));
  return identity;
}

std::string TlsStream::agreed() const {
  if (life_ != Life::kOpen) return {};
  std::string agreed = std::string(SSL_get_version(ssl_.get())) + ' ' + SSL_get_cipher_name(ssl_.get());
  const long group = SSL_ctrl(ssl_.get(), SSL_CTRL_GET_NEGOTIATED_GROUP, 0, nullptr);
  if (const char* const name = SSL_group_to_name(ssl_.get(), static_cast<int>(group)); name != nullptr) {
    agreed.append(1, ' ').append(name);
  }
  return agreed;
}

}  // namespace drover::net
