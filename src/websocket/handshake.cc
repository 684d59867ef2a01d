// Both heads of the opening handshake against RFC 6455 sections 4.1 and 4.2, and nothing about forwarding them.
#include "websocket/handshake.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "http/char_set.h"
#include "websocket/extensions.h"

namespace drover::websocket {

using http::HeaderName;

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // section 1.3
constexpr std::size_t kNonceSize = 16;                                      // section 4.1, item 7
constexpr std::size_t kSha1Size = 20;

std::unexpected<Error> refuse_request(std::string detail) {
  return fail(Code::kBadRequest, Side::kClient, std::move(detail));
}
std::unexpected<Error> refuse_answer(std::string detail) {
  return fail(Code::kBadGateway, Side::kBackend, std::move(detail));
}

std::string base64(Bytes bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends it with a NUL
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// Kept by a thread, since a context costs more to make than a key to hash: OpenSSL looks for the algorithm under a
// lock.
class Sha1 {
 public:
  // Of `parts`, one behind the other. False: out of memory.
  bool hash(std::initializer_list<std::string_view> parts, std::span<std::uint8_t, kSha1Size> digest) {
    if (!context_) context_ = make_context();
    // Without an algorithm: again the one that the context has.
    if (!context_ || EVP_DigestInit_ex(context_.get(), nullptr, nullptr) != 1) return false;
    for (const auto part : parts) {
      if (EVP_DigestUpdate(context_.get(), part.data(), part.size()) != 1) return false;
    }
    return EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  using Context = std::unique_ptr<EVP_MD_CTX, Free>;

  static Context make_context() {
    Context made(EVP_MD_CTX_new());
    if (made && EVP_DigestInit_ex(made.get(), EVP_sha1(), nullptr) != 1) made.reset();
    return made;
  }

  Context context_;
};

// Calls visit(value) for every line of that name; stops where it returns false, and returns false then.
template <class Visitor>
bool for_each_line(const http::HeaderList& head, HeaderName name, Visitor visit) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head.class_at(i).known == name && !visit(head.at(i).value)) return false;
  }
  return true;
}

// The value of the one line of that name; none where there is none, or a second.
std::optional<std::string_view> only_line(const http::HeaderList& head, HeaderName name) {
  return head.count(name) == 1 ? head.find(name) : std::nullopt;
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

// HTTP/2 in clear text (RFC 7540 section 3.2) would get a peer past every check of the head.
bool offers_http2(const http::HeaderList& head) {
  return head.has_token(HeaderName::kUpgrade, "h2c") || head.has_token(HeaderName::kUpgrade, "h2");
}

bool has_body(const http::RequestHead& head) {
  if (head.count(HeaderName::kTransferEncoding) > 0) return true;
  const auto is_zero = [](std::string_view length) {
    return !length.empty() && length.find_first_not_of('0') == std::string_view::npos;
  };
  return !for_each_line(head, HeaderName::kContentLength, is_zero);
}

// 24 characters that decode to 16 bytes: the last of the 22 has bits to spare, which real clients do not always zero.
bool is_nonce(std::string_view key) {
  static constexpr http::CharSet kBase64("+/");
  return key.size() == 24 && key.ends_with("==") && kBase64.contains_all(key.substr(0, 22));
}

Result<void> check_version(const http::RequestHead& head) {
  if (head.count(HeaderName::kSecWebSocketVersion) > 1) return refuse_request("more than one Sec-WebSocket-Version");
  if (head.find(HeaderName::kSecWebSocketVersion) != "13") {
    return fail(Code::kUnsupportedVersion, Side::kClient, "Sec-WebSocket-Version must be 13");
  }
  return {};
}

Result<std::vector<std::string>> read_subprotocols(const http::RequestHead& head) {
  std::vector<std::string> offered;
  const auto add_list = [&offered](std::string_view list) {
    // Empty elements are passed over, RFC 9110 section 5.6.1.2.
    for (auto element = http::next_element(list); !element.empty(); element = http::next_element(list)) {
      if (!is_token(element) || contains(offered, element)) return false;
      offered.emplace_back(element);
    }
    return true;
  };
  if (!for_each_line(head, HeaderName::kSecWebSocketProtocol, add_list)) {
    return refuse_request("Sec-WebSocket-Protocol is not a list of different tokens");
  }
  return offered;
}

// The names in every Sec-WebSocket-Extensions line, in order. None: malformed.
std::optional<std::vector<std::string>> extension_names(const http::HeaderList& head) {
  std::vector<std::string> names;
  const auto add_list = [&names](std::string_view list) { return read_extension_names(list, names); };
  if (!for_each_line(head, HeaderName::kSecWebSocketExtensions, add_list)) return std::nullopt;
  return names;
}

Result<void> check_subprotocol(const http::ResponseHead& head, const UpgradeRequest& asked) {
  const auto chosen = head.find(HeaderName::kSecWebSocketProtocol);
  if (!chosen) return {};
  if (head.count(HeaderName::kSecWebSocketProtocol) > 1) return refuse_answer("more than one Sec-WebSocket-Protocol");
  if (!contains(asked.subprotocols, *chosen)) return refuse_answer("a subprotocol that was not offered");
  return {};
}

// The names that were chosen.
Result<std::vector<std::string>> check_extensions(const http::ResponseHead& head, const UpgradeRequest& asked) {
  // Section 11.3.2: once in a response, though an offer may take several lines.
  if (head.count(HeaderName::kSecWebSocketExtensions) > 1)
    return refuse_answer("more than one Sec-WebSocket-Extensions");
  auto chosen = extension_names(head);
  if (!chosen) return refuse_answer("malformed Sec-WebSocket-Extensions");
  for (const std::string& name : *chosen) {
    if (!contains(asked.extensions, name)) return refuse_answer("an extension that was not offered");
  }
  std::ranges::sort(*chosen);
  if (std::ranges::adjacent_find(*chosen) != chosen->end()) {
    return refuse_answer("an extension chosen twice");
  }
  return std::move(*chosen);
}

// What "https://*.example.com" leaves to the client: one label or more of a host name.
bool is_subdomain(std::string_view text) {
  static constexpr http::CharSet kLabelsAndDots("-_.");
  return !text.empty() && text.front() != '.' && text.back() != '.' && kLabelsAndDots.contains_all(text);
}

bool origin_matches(std::string_view origin, std::string_view pattern) {
  const auto star = pattern.find("://*.");
  if (star == std::string_view::npos) return http::same_name(origin, pattern);
  const std::string_view front = pattern.substr(0, star + 3);
  const std::string_view back = pattern.substr(star + 4);
  if (origin.size() <= front.size() + back.size()) return false;
  return http::same_name(origin.substr(0, front.size()), front) &&
         http::same_name(origin.substr(origin.size() - back.size()), back) &&
         is_subdomain(origin.substr(front.size(), origin.size() - front.size() - back.size()));
}

}  // namespace

Result<std::optional<UpgradeRequest>> check_request(const http::RequestHead& head) {
  if (!head.has_token(HeaderName::kUpgrade, "websocket") || !head.has_token(HeaderName::kConnection, "upgrade"))
    return std::nullopt;
  if (offers_http2(head)) return refuse_request("an upgrade to HTTP/2 beside websocket");
  if (head.method() != "GET") return refuse_request("a WebSocket upgrade must be a GET");
  if (head.minor_version() != 1) return refuse_request("a WebSocket upgrade must be HTTP/1.1");
  if (has_body(head)) return refuse_request("a WebSocket upgrade must not have a body");
  if (auto version = check_version(head); !version) return std::unexpected(std::move(version.error()));

  const auto key = only_line(head, HeaderName::kSecWebSocketKey);
  if (!key || !is_nonce(*key)) {
    return refuse_request("there must be one Sec-WebSocket-Key, 16 bytes in base64");
  }
  auto subprotocols = read_subprotocols(head);
  if (!subprotocols) return std::unexpected(std::move(subprotocols.error()));
  auto extensions = extension_names(head);
  if (!extensions) return refuse_request("malformed Sec-WebSocket-Extensions");
  return UpgradeRequest{std::string(*key), std::move(*subprotocols), std::move(*extensions)};
}

Result<UpgradeAnswer> check_answer(const http::ResponseHead& head, const UpgradeRequest& asked, std::string_view key) {
  const auto upgrade = only_line(head, HeaderName::kUpgrade);
  if (!upgrade || !http::same_name(*upgrade, "websocket")) {
    return refuse_answer("a 101 without one Upgrade: websocket");
  }
  if (!head.has_token(HeaderName::kConnection, "upgrade")) return refuse_answer("a 101 without Connection: upgrade");
  const auto accept = only_line(head, HeaderName::kSecWebSocketAccept);
  if (!accept || accept->empty() || *accept != accept_of(key)) {
    return refuse_answer("a 101 without one right Sec-WebSocket-Accept");
  }
  if (auto checked = check_subprotocol(head, asked); !checked) return std::unexpected(std::move(checked.error()));
  const auto extensions = check_extensions(head, asked);
  if (!extensions) return std::unexpected(extensions.error());
  return UpgradeAnswer{.subprotocol = std::string(head.find(HeaderName::kSecWebSocketProtocol).value_or("")),
                       .extensions = std::string(head.find(HeaderName::kSecWebSocketExtensions).value_or("")),
                       .permessage_deflate = contains(*extensions, kPermessageDeflate)};
}

std::string accept_of(std::string_view key) {
  thread_local Sha1 sha1;
  std::array<std::uint8_t, kSha1Size> digest{};
  // Out of memory: the empty string, which check_answer() takes from nobody.
  return sha1.hash({key, kGuid}, digest) ? base64(digest) : std::string();
}

std::string fresh_key() {
  std::array<std::uint8_t, kNonceSize> nonce{};
  if (RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1) return {};
  return base64(nonce);
}

bool origin_allowed(std::string_view origin, const std::vector<std::string>& allowed) {
  const auto matches = [origin](const std::string& pattern) { return origin_matches(origin, pattern); };
  return allowed.empty() || std::ranges::any_of(allowed, matches);
}

}  // namespace drover::websocket
