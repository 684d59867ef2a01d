// Any bytes as a request head: the same verdict at once and byte by byte, limits kept, and whatever is accepted goes
// on as a head that Drover itself would accept, with exactly its own key and X-Drover-* headers.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "http/answer.h"
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
  std::optional<Code> error;
  std::string detail;
  bool complete = false;
  std::size_t consumed = 0;

  bool operator==(const Verdict&) const = default;
};

Verdict feed(RequestParser& parser, Bytes input, std::size_t step) {
  Verdict verdict;
  for (std::size_t at = 0; at < input.size() && !verdict.complete; at += step) {
    const auto piece = input.subspan(at, std::min(step, input.size() - at));
    const auto fed = parser.feed(piece);
    if (!fed) return {fed.error().code, fed.error().detail, false, 0};
    require(fed->consumed <= piece.size());
    require(fed->complete || fed->consumed == piece.size());
    verdict.complete = fed->complete;
    verdict.consumed += fed->consumed;
  }
  return verdict;
}

void check_head(const RequestHead& head) {
  require(!head.method().empty());
  require(head.path() == "*" || head.path().starts_with('/'));
  require(head.count("host") == 1 && !head.host().empty());
  require(head.size() <= kLimits.max_headers);
  require(head.target().size() <= kLimits.max_target);
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto [name, value] = head.at(i);
    require(!name.empty() && name.find_first_of(" \t\r\n:") == std::string_view::npos);
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
}

void check_forwarded(const RequestHead& head, PeerTrust trust) {
  if (head.path() == "*") return;  // never an upgrade
  const ForwardingContext context{.peer_address = "10.0.0.7",
                                  .listener_port = 80,
                                  .scheme = Scheme::kHttp,
                                  .trust = trust,
                                  .request_id = "id",
                                  .session = "session",
                                  .strip_prefix = head.path().size() / 2};
  const auto whole =
      head_for_dial(forward_upgrade(head, context).head,
                    {.websocket_key = "key", .handoff = "v1; key=0", .resumed = true, .previous_backend = "web-1"});
  RequestParser parser(kForwardedLimits);
  const auto fed = parser.feed(as_bytes(whole));
  require(fed && fed->complete && fed->consumed == whole.size());
  const auto& sent = parser.head();
  require(sent.find("sec-websocket-key") == "key" && sent.find("x-drover-handoff") == "v1; key=0");
  require(sent.find("x-drover-resumed") == "1" && sent.find("x-drover-previous-backend") == "web-1");
  require(sent.host() == head.host());
  require(sent.find("x-drover-session") == "session");
  require(sent.find("connection") == "Upgrade" && sent.find("upgrade") == "websocket");
  for (const auto* name : {"connection", "upgrade", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
                           "x-forwarded-port", "x-real-ip", "x-request-id", "x-drover-session", "sec-websocket-key",
                           "x-drover-handoff", "x-drover-resumed", "x-drover-previous-backend"})
    require(sent.count(name) == 1);
  for (const auto* name :
       {"content-length", "transfer-encoding", "te", "keep-alive", "x-session-token", "sec_websocket_key"})
    require(sent.count(name) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  RequestParser whole(kLimits);
  const auto verdict = feed(whole, input, std::max<std::size_t>(size, 1));
  RequestParser dripped(kLimits);
  require(feed(dripped, input, 1) == verdict);
  if (verdict.error) {
    require(answer_to({*verdict.error, Side::kClient, verdict.detail}).starts_with("HTTP/1.1 4"));
    return 0;
  }
  if (!verdict.complete) {
    require(size < kLimits.max_head_size);
    return 0;
  }
  require(verdict.consumed <= kLimits.max_head_size);
  check_head(whole.head());
  check_forwarded(whole.head(), PeerTrust::kTrusted);
  check_forwarded(whole.head(), PeerTrust::kUntrusted);
  return 0;
}
