// Reading → Answering → (Finishing →) Closing; a deadline covers each of them.
#include "admin/connection.h"

#include <utility>

#include "admin/endpoints.h"

namespace drover::admin {

namespace {

// Larger than what any browser or scraper sends; the target's limit is below the head's, so that it can be told apart.
constexpr http::HeadLimits kLimits{.max_head_size = 8 * 1024, .max_headers = 100, .max_target = 2 * 1024};

}  // namespace

Connection::Connection(net::Loop& loop, const StatusSource& source, const Timeouts& timeouts,
                       std::function<void(Connection&)> on_closed)
    : loop_(loop),
      source_(source),
      timeouts_(timeouts),
      on_closed_(std::move(on_closed)),
      stream_(loop),
      parser_(kLimits) {
  stream_.set_handler(*this);
}

void Connection::open(int fd) {
  if (!stream_.open(fd)) {
    phase_ = Phase::kClosing;
    return;
  }
  loop_.arm(*this, loop_.now() + timeouts_.head);
  stream_.start_reading();
}

void Connection::on_read(net::ByteStream& /*stream*/, Bytes bytes) noexcept {
  if (phase_ != Phase::kReading) return;
  const auto fed = parser_.feed(bytes);
  if (!fed) return answer(answer_error(fed.error()));
  if (fed->complete) answer(answer_request(parser_.head(), source_));
}

void Connection::answer(const std::string& response) {
  phase_ = Phase::kAnswering;
  stream_.write(as_bytes(response));
  stream_.finish_writing();
  if (stream_.write_failed()) return close();
  loop_.arm(*this, loop_.now() + timeouts_.linger);
}

void Connection::on_read_end(net::ByteStream& /*stream*/, net::ReadEnd end) noexcept {
  if (phase_ != Phase::kAnswering || end == net::ReadEnd::kReset) return close();
  phase_ = Phase::kFinishing;
  close_if_done();
}

void Connection::on_written(net::ByteStream& /*stream*/) noexcept {
  if (stream_.write_failed()) return close();
  close_if_done();
}

void Connection::close_if_done() {
  if (phase_ == Phase::kFinishing && stream_.queued() == 0) close();
}

void Connection::on_deadline() noexcept {
  if (phase_ == Phase::kReading && parser_.started()) {
    return answer(answer_error({Code::kRequestTimeout, Side::kClient, "the request did not arrive in time"}));
  }
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
