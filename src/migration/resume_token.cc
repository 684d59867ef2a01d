// A sealed text is bounded before it is decoded and authenticated before it is read.
#include "migration/resume_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/random.h"
#include "migration/base64url.h"

namespace drover::migration {

namespace {

constexpr std::string_view kPrefix = "v1.";
constexpr std::size_t kLongestText = 1'024;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;

using Key = std::array<std::uint8_t, 32>;
using Buffer = std::vector<std::uint8_t>;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

std::unexpected<Error> refuse(std::string detail) {
  return fail(Code::kUnauthorized, Side::kClient, std::move(detail));
}

void put_number(Buffer& out, std::uint64_t number, unsigned bytes) {
  while (bytes > 0) out.push_back(static_cast<std::uint8_t>(number >> (8 * --bytes)));
}

void put_text(Buffer& out, std::string_view text) {
  put_number(out, text.size(), 2);
  out.insert(out.end(), text.begin(), text.end());
}

std::uint64_t whole_seconds(WallClock::time_point time) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time.time_since_epoch()).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0));
}

// Takes the plaintext apart from its front; none, and none from then on, where there is too little left.
class Fields {
 public:
  explicit Fields(Bytes bytes) : rest_(bytes) {}

  std::optional<Bytes> bytes(std::size_t size) {
    if (rest_.size() < size) return std::nullopt;
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::optional<std::uint64_t> number(std::size_t size) {
    const auto taken = bytes(size);
    if (!taken) return std::nullopt;
    std::uint64_t number = 0;
    for (const auto byte : *taken) number = (number << 8) | byte;
    return number;
  }
  std::optional<std::string> text() {
    const auto size = number(2);
    const auto taken = size ? bytes(*size) : std::nullopt;
    if (!taken) return std::nullopt;
    return std::string(as_text(*taken));
  }
  bool at_end() const { return rest_.empty(); }

 private:
  Bytes rest_;
};

std::optional<ResumeToken> read_plaintext(Bytes plaintext) {
  constexpr auto kLatest = std::chrono::floor<std::chrono::seconds>(WallClock::duration::max()).count();
  Fields fields(plaintext);
  ResumeToken token;
  const auto id = fields.bytes(token.resume_id.size());
  const auto expires = fields.number(sizeof(std::uint64_t));
  auto pool = fields.text();
  auto backend = fields.text();
  if (!id || !expires || !pool || !backend || !fields.at_end()) return std::nullopt;
  if (*expires > static_cast<std::uint64_t>(kLatest)) return std::nullopt;
  std::ranges::copy(*id, token.resume_id.begin());
  token.expires = WallClock::time_point(std::chrono::seconds(*expires));
  token.pool = *std::move(pool);
  token.backend = *std::move(backend);
  return token;
}

Buffer plaintext_of(const ResumeToken& token) {
  Buffer plaintext(token.resume_id.begin(), token.resume_id.end());
  put_number(plaintext, whole_seconds(token.expires), sizeof(std::uint64_t));
  put_text(plaintext, token.pool);
  put_text(plaintext, token.backend);
  return plaintext;
}

// Nonce, box and tag. Empty: out of memory.
Buffer encrypt(const Key& key, const Buffer& plaintext) {
  Buffer sealed(kNonceSize + plaintext.size() + kTagSize);
  const std::span all(sealed);
  fill_random(all.first(kNonceSize));
  const auto box = all.subspan(kNonceSize, plaintext.size());
  const auto tag = all.last(kTagSize);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool done =
      cipher && EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), sealed.data()) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &length, as_bytes(kPrefix).data(), kPrefix.size()) == 1 &&
      EVP_EncryptUpdate(cipher.get(), box.data(), &length, plaintext.data(), static_cast<int>(plaintext.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), tag.data(), &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, tag.data()) == 1;
  return done ? std::move(sealed) : Buffer();
}

// None: not sealed under this key.
std::optional<Buffer> decrypt(const Key& key, std::span<std::uint8_t> sealed) {
  const auto nonce = sealed.first(kNonceSize);
  const auto tag = sealed.last(kTagSize);
  const auto box = sealed.subspan(kNonceSize, sealed.size() - kNonceSize - kTagSize);
  Buffer plaintext(box.size());
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool done =
      cipher && EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, as_bytes(kPrefix).data(), kPrefix.size()) == 1 &&
      EVP_DecryptUpdate(cipher.get(), plaintext.data(), &length, box.data(), static_cast<int>(box.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), nullptr, &length) == 1;
  if (!done) return std::nullopt;
  return plaintext;
}

}  // namespace

std::shared_ptr<const TokenKeys> TokenKeys::make(const std::vector<std::string>& secrets) {
  const std::shared_ptr<TokenKeys> made(new TokenKeys(std::max<std::size_t>(secrets.size(), 1)));
  auto& keys = made->keys_;
  // Also what is left where a digest fails, out of memory: a key that nobody knows.
  for (auto& key : keys) fill_random(key);
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    Key digest{};
    if (EVP_Digest(secrets[i].data(), secrets[i].size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1) {
      keys[i] = digest;
    }
    OPENSSL_cleanse(digest.data(), digest.size());
  }
  return made;
}

TokenKeys::~TokenKeys() {
  for (auto& key : keys_) OPENSSL_cleanse(key.data(), key.size());
}

std::string TokenKeys::seal(const ResumeToken& token) const {
  if (token.pool.size() > kLongestText || token.backend.size() > kLongestText) return {};
  const auto sealed = encrypt(keys_.front(), plaintext_of(token));
  if (sealed.empty()) return {};
  std::string text(kPrefix);
  text.reserve(kPrefix.size() + (sealed.size() * 4 + 2) / 3);
  append_base64url(text, sealed);
  return text.size() > kLongestText ? std::string() : text;
}

Result<ResumeToken> TokenKeys::open(std::string_view text, WallClock::time_point now) const {
  if (text.size() > kLongestText) return refuse("the resume token is too long");
  if (!text.starts_with(kPrefix)) return refuse("the resume token is malformed");
  auto sealed = decode_base64url(text.substr(kPrefix.size()));
  if (!sealed || sealed->size() < kNonceSize + kTagSize) return refuse("the resume token is malformed");
  for (const auto& key : keys_) {
    const auto plaintext = decrypt(key, *sealed);
    if (!plaintext) continue;
    auto token = read_plaintext(*plaintext);
    if (!token) return refuse("the resume token is malformed");
    if (now >= token->expires) return refuse("the resume token has expired");
    return *std::move(token);
  }
  return refuse("the resume token is forged, or sealed with a secret that is not in use here");
}

}  // namespace drover::migration
