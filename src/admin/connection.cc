// Head → (Body →) Asking → Answering → Closing; a deadline covers each of them.
#include "admin/connection.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace drover::admin {

namespace {

// Larger than what any browser or scraper sends; the target's limit is below the head's, so that it can be told apart.
constexpr http::HeadLimits kLimits{.max_head_size = 8 * 1024, .max_headers = 100, .max_target = 2 * 1024};

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// RFC 9110 section 10.1.1: HTTP/1.0 knows no interim answers.
bool expects_continue(const http::RequestHead& head) {
  return head.minor_version() > 0 && http::same_name(head.find("expect").value_or(""), "100-continue");
}

}  // namespace

Connection::Connection(net::Loop& loop, Endpoints& endpoints, const Timeouts& timeouts,
                       std::function<void(Connection&)> on_closed)
    : loop_(loop),
      endpoints_(endpoints),
      timeouts_(timeouts),
      on_closed_(std::move(on_closed)),
      stream_(loop),
      parser_(kLimits) {
  stream_.set_handler(*this);
}

void Connection::open(int fd, const net::Address& peer) {
  peer_ = peer;
  if (!stream_.open(fd)) {
    phase_ = Phase::kClosing;
    return;
  }
  loop_.arm(*this, loop_.now() + timeouts_.request);
  stream_.start_reading();
}

void Connection::on_read(net::ByteStream& /*stream*/, Bytes bytes) noexcept {
  if (phase_ == Phase::kBody) return take_body(bytes);
  if (phase_ != Phase::kHead) return;
  const auto fed = parser_.feed(bytes);
  if (!fed) return answer(answer_error(fed.error()));
  if (!fed->complete) return;
  phase_ = Phase::kBody;
  body_size_ = endpoints_.body_size(parser_.head());
  const auto behind = bytes.subspan(fed->consumed);
  // Who sends the body with the head waits for nothing.
  if (behind.empty() && body_size_ > 0 && expects_continue(parser_.head())) stream_.write(as_bytes(kContinue));
  take_body(behind);
}

void Connection::take_body(Bytes bytes) {
  body_.append(as_text(bytes.first(std::min(bytes.size(), body_size_ - body_.size()))));
  if (body_.size() == body_size_) ask();
}

void Connection::ask() {
  phase_ = Phase::kAsking;
  loop_.arm(*this, loop_.now() + timeouts_.workers);
  endpoints_.answer({.head = parser_.head(), .body = body_, .peer = peer_, .now = loop_.now()},
                    [asked = weak_from_this()](const std::string& response) {
                      const auto waiting = asked.lock();
                      if (waiting && waiting->phase_ == Phase::kAsking) waiting->answer(response);
                    });
}

void Connection::answer(const std::string& response) {
  phase_ = Phase::kAnswering;
  stream_.write(as_bytes(response));
  stream_.finish_writing();
  if (stream_.write_failed()) return close();
  loop_.arm(*this, loop_.now() + (stream_.queued() > 0 ? timeouts_.delivery : timeouts_.linger));
  if (peer_finished_) close_if_delivered();
}

void Connection::on_read_end(net::ByteStream& /*stream*/, net::ReadEnd end) noexcept {
  const bool is_owed = phase_ == Phase::kAsking || phase_ == Phase::kAnswering;
  if (!is_owed || end == net::ReadEnd::kReset) return close();
  peer_finished_ = true;
  if (phase_ == Phase::kAnswering) close_if_delivered();
}

void Connection::on_written(net::ByteStream& /*stream*/) noexcept {
  if (stream_.write_failed()) return close();
  if (phase_ != Phase::kAnswering || stream_.queued() > 0) return;
  if (peer_finished_) return close();
  loop_.arm(*this, loop_.now() + timeouts_.linger);
}

void Connection::close_if_delivered() {
  if (stream_.queued() == 0) close();
}

void Connection::on_deadline() noexcept {
  if (phase_ == Phase::kBody || (phase_ == Phase::kHead && parser_.started())) {
    return answer(answer_error({Code::kRequestTimeout, Side::kClient, "the request did not arrive in time"}));
  }
  if (phase_ == Phase::kAsking) return answer(answer_unanswered(parser_.head()));
  close();
}

void Connection::close() {
  phase_ = Phase::kClosing;
  stream_.close();
}

void Connection::on_closed(net::ByteStream& /*stream*/) noexcept {
  loop_.wheel().disarm(*this);
  const auto on_closed = std::move(on_closed_);  // outlives the connection that it may destroy
  on_closed(*this);
}

}  // namespace drover::admin
