// Any bytes as a backend's answer: the same verdict and the same end of head and body at once and byte by byte, and
// whatever is accepted goes on to the client as a head that Drover itself would accept, without X-Drover-*.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "http/forwarding.h"
#include "http/head_parser.h"

namespace {

using namespace drover;
using namespace drover::http;

constexpr HeadLimits kLimits{.max_head_size = 2048, .max_headers = 20, .max_target = 256};
// What forwarding adds must not push a head at its limits over them.
constexpr HeadLimits kForwardedLimits{.max_head_size = 8192, .max_headers = 40, .max_target = 512};

void require(bool holds) {
  if (!holds) std::abort();
}

struct Verdict {
  std::optional<std::string> error = {};  // the detail
  std::size_t head_size = 0;              // 0: not complete
  std::size_t body_size = 0;
  std::string payload = {};
  bool body_complete = false;
  bool may_end_here = false;

  bool operator==(const Verdict&) const = default;
};

std::string require_backend(const Error& error) {
  require(error.code == Code::kBadGateway && error.side == Side::kBackend && !error.detail.empty());
  return error.detail;
}

Verdict feed(ResponseParser& parser, Bytes input, std::size_t step) {
  Verdict verdict;
  std::size_t at = 0;
  while (at < input.size() && !verdict.body_complete) {
    const auto piece = input.subspan(at, std::min(step, input.size() - at));
    const bool in_head = verdict.head_size == 0;
    const auto fed = in_head ? parser.feed(piece) : parser.feed_body(piece, verdict.payload);
    if (!fed) {
      require(!parser.finish());
      // How many bytes went before depends on the pieces.
      return {.error = require_backend(fed.error())};
    }
    require(fed->consumed <= piece.size());
    require(fed->complete || fed->consumed == piece.size());
    at += fed->consumed;
    if (!in_head) {
      verdict.body_size += fed->consumed;
      verdict.body_complete = fed->complete;
    } else if (fed->complete) {
      verdict.head_size = at;
      verdict.body_complete = parser.body_is_empty();
    }
  }
  require(verdict.payload.size() <= verdict.body_size);
  verdict.may_end_here = parser.finish();
  return verdict;
}

void check_forwarded(const ResponseHead& head) {
  const bool switching = head.status() == 101;
  const auto text = switching ? forward_switching(head, "accept") : forward_refusal(head);
  ResponseParser parser(kForwardedLimits);
  const auto fed = parser.feed(as_bytes(text));
  require(fed && fed->complete && fed->consumed == text.size());
  const auto& sent = parser.head();
  require(sent.status() == head.status());
  require(sent.count("connection") == 1 && sent.count("x-drover-session") == 0);
  if (switching) {
    require(sent.count("sec-websocket-accept") == 1 && sent.find("sec-websocket-accept") == "accept");
    require(sent.count("content-length") == 0);
  } else {
    require(sent.has_token(HeaderName::kConnection, "close"));
    for (const auto* name : {"content-length", "transfer-encoding"}) require(sent.find(name) == head.find(name));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  ResponseParser whole(kLimits);
  const auto verdict = feed(whole, input, std::max<std::size_t>(size, 1));
  ResponseParser dripped(kLimits);
  require(feed(dripped, input, 1) == verdict);
  if (verdict.head_size == 0) return 0;
  require(whole.head().status() == 101 || whole.head().status() >= 200);
  check_forwarded(whole.head());
  return 0;
}
