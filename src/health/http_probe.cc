// A backend is up that answers a GET with the expected status and, where one is asked for, the expected body.
#include <string>
#include <utility>

#include "health/connected_probe.h"
#include "health/get_request.h"
#include "health/reported_load.h"
#include "http/head_parser.h"

namespace drover::health {

namespace {

constexpr http::HeadLimits kHeadLimits{.max_head_size = 16 * 1024};
constexpr std::size_t kMaxBody = 64 * 1024;  // bytes that are looked at; a longer body is no failure

class HttpProbe final : public ConnectedProbe {
 public:
  HttpProbe(net::Loop& loop, const config::HealthCheck& settings, const std::string& host)
      : ConnectedProbe(loop),
        settings_(settings),
        request_(get_request(settings, host, "Accept: */*\r\nConnection: close\r\n")),
        parser_(kHeadLimits) {}

 private:
  void on_open() noexcept override;
  void on_bytes(Bytes bytes) noexcept override;
  void on_end(net::ReadEnd end) noexcept override;
  void on_head(Bytes behind);
  void on_body(Bytes bytes);
  void judge_body();
  void finish(Result<void> verdict, std::optional<balancer::LoadReport> report = {});

  const config::HealthCheck settings_;
  const std::string request_;
  http::ResponseParser parser_;
  std::optional<std::chrono::microseconds> round_trip_;  // once the head is there
  std::string body_;
};

void HttpProbe::on_open() noexcept {
  restart_clock();
  connection().write(as_bytes(request_));
}

void HttpProbe::on_bytes(Bytes bytes) noexcept {
  if (round_trip_) return on_body(bytes);
  const auto fed = parser_.feed(bytes);
  if (!fed) return finish(std::unexpected(fed.error()));
  if (fed->complete) on_head(bytes.subspan(fed->consumed));
}

void HttpProbe::on_head(Bytes behind) {
  round_trip_ = elapsed();
  const auto status = parser_.head().status();
  if (status != settings_.expect_status) {
    return finish(std::unexpected(bad_answer("answered " + std::to_string(status) + " to GET " + settings_.path +
                                             ", expected " + std::to_string(settings_.expect_status))));
  }
  if (parser_.body_is_empty()) return judge_body();
  if (!behind.empty()) on_body(behind);
}

void HttpProbe::on_body(Bytes bytes) {
  const auto fed = parser_.feed_body(bytes, body_);
  if (!fed) return finish(std::unexpected(fed.error()));
  if (body_.size() > kMaxBody) body_.resize(kMaxBody);
  if (fed->complete || body_.size() == kMaxBody) judge_body();
}

void HttpProbe::on_end(net::ReadEnd end) noexcept {
  if (end == net::ReadEnd::kEof && parser_.finish()) return judge_body();
  finish(std::unexpected(ended_before(end, "its answer was whole")));
}

void HttpProbe::judge_body() {
  if (!body_.contains(settings_.expect_body)) {
    return finish(
        std::unexpected(bad_answer("the body of GET " + settings_.path + " has no '" + settings_.expect_body + "'")));
  }
  finish({}, reported_load(parser_.head(), body_));
}

void HttpProbe::finish(Result<void> verdict, std::optional<balancer::LoadReport> report) {
  hang_up();
  say({.verdict = std::move(verdict), .round_trip = round_trip_, .report = std::move(report)});
}

}  // namespace

std::unique_ptr<Probe> make_http_probe(net::Loop& loop, const config::HealthCheck& settings, const std::string& host) {
  return std::make_unique<HttpProbe>(loop, settings, host);
}

}  // namespace drover::health
