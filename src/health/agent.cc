// The agent speaks first, and one line is all that is read of it.
#include "health/agent.h"

#include <algorithm>
#include <string>
#include <utility>

#include "health/connection.h"

namespace drover::health {

namespace {

constexpr std::size_t kMaxLine = 1024;  // parse_agent_line() takes no longer one

class LineQuery final : public AgentQuery, Connection::Owner {
 public:
  explicit LineQuery(net::Loop& loop) : loop_(loop) {}

  void start(const net::Address& address, Done done) override {
    done_ = std::move(done);
    connection_ = Connection::open(loop_, address, nullptr, *this);
  }

 private:
  void on_open() noexcept override {}
  void on_unreachable(const Error& error) noexcept override { say(std::unexpected(error)); }

  void on_bytes(Bytes bytes) noexcept override {
    line_ += as_text(bytes);
    const auto end = line_.find_first_of("\r\n");
    if (end == std::string::npos && line_.size() <= kMaxLine) return;
    line_.resize(std::min(end, line_.size()));
    say(parse_agent_line(line_));
  }

  void on_end(net::ReadEnd end) noexcept override {
    if (end == net::ReadEnd::kEof) return say(parse_agent_line(line_));
    say(fail(Code::kBadGateway, Side::kBackend, "reset the connection before its line was whole"));
  }

  // Comes last in whatever calls it: the query may be gone afterwards.
  void say(Result<AgentReport> report) {
    connection_.reset();
    const Done done = std::move(done_);  // outlives the query that it may destroy
    done(std::move(report));
  }

  net::Loop& loop_;
  Done done_;
  Connection::Handle connection_;
  std::string line_;  // so far
};

}  // namespace

std::unique_ptr<AgentQuery> make_agent_query(net::Loop& loop) {
  return std::make_unique<LineQuery>(loop);
}

}  // namespace drover::health
