// GET /metrics: every number comes from where it belongs.
#include "admin/metrics_api.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "balancer/lease.h"
#include "counted.h"

namespace drover::admin {

namespace {

using namespace std::chrono_literals;
using observe::Initiator;
using observe::Why;
using Kind = MessageTally::Kind;

constexpr auto kFromBackend = static_cast<std::size_t>(observe::Source::kBackend);
constexpr auto kFromDrover = static_cast<std::size_t>(observe::Source::kDrover);

void end(observe::PoolCounters& counters, std::uint16_t code, Initiator initiator, Why why) {
  counters.ends[observe::close_code_place(code)][static_cast<std::size_t>(initiator)][static_cast<std::size_t>(why)]
      .add(1);
}

}  // namespace

TEST_CASE("metrics: the reply is text of the format's version") {
  Counted counted;
  const auto reply = reply_of(counted);
  CHECK(reply.status == 200);
  CHECK(reply.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(reply.body.ends_with('\n'));
  const Answer answer(response(reply, Body::kSent));
  CHECK(answer.has("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
  CHECK(Answer(response(failure(404, "no"), Body::kSent)).has("Content-Type: application/json"));
}

TEST_CASE("metrics: the process") {
  Counted counted;
  auto& status = counted.status;
  status.version = "1.2.3";
  status.started = std::chrono::system_clock::time_point(1'700'000'000'250ms);
  status.active_connections = 11;
  status.max_connections = 12;
  status.descriptors_used = 13;
  status.descriptors_limit = 14;
  status.resident_bytes = 15'000'000;
  status.buffered_bytes = 16;
  status.paused_relays = 17;
  status.log_lines_dropped = 18;
  status.drain_left = 19;
  const Scrape scrape(counted);
  CHECK(scrape["build_info{version=\"1.2.3\"}"] == "1");
  CHECK(scrape["start_time_seconds"] == "1700000000.25");
  CHECK(scrape["connections_active"] == "11");
  CHECK(scrape["connections_limit"] == "12");
  CHECK(scrape["descriptors_used"] == "13");
  CHECK(scrape["descriptors_limit"] == "14");
  CHECK(scrape["resident_memory_bytes"] == "15000000");
  CHECK(scrape["buffered_bytes"] == "16");
  CHECK(scrape["paused_relays"] == "17");
  CHECK(scrape["log_lines_dropped_total"] == "18");
  CHECK(scrape["drain_left"] == "19");
}

TEST_CASE("metrics: the configuration, and whether the last reload was taken") {
  Counted counted;
  CHECK(Scrape(counted)["config_info{hash=\"c0ffee\"}"] == "1");
  CHECK(Scrape(counted)["config_last_reload_successful"] == "1");
  counted.last_reload_successful = false;
  CHECK(Scrape(counted)["config_last_reload_successful"] == "0");
}

TEST_CASE("metrics: answers and ends have only what has happened, summed over workers") {
  Counted counted;
  counted.of("chat", 0).answers[kFromBackend][observe::status_place(101)].add(2);
  counted.of("chat", 1).answers[kFromBackend][observe::status_place(101)].add(3);
  counted.of("chat").answers[kFromDrover][observe::status_place(503)].add(1);
  counted.ledger.no_pool().of_worker(1).answers[kFromDrover][observe::status_place(404)].add(4);
  end(counted.of("chat", 0), 1000, Initiator::kClient, Why::kNormal);
  end(counted.of("chat", 1), 1000, Initiator::kClient, Why::kNormal);
  end(counted.of("chat"), 4321, Initiator::kBackend, Why::kNormal);
  end(counted.of("chat"), 1012, Initiator::kDrover, Why::kBackendLost);
  end(counted.ledger.no_pool().of_worker(0), 0, Initiator::kDrover, Why::kRejected);
  const Scrape scrape(counted);
  CHECK(scrape[R"(upgrades_total{pool="chat",code="101",source="backend"})"] == "5");
  CHECK(scrape[R"(upgrades_total{pool="chat",code="503",source="drover"})"] == "1");
  CHECK(scrape[R"(upgrades_total{pool="",code="404",source="drover"})"] == "4");
  CHECK(scrape.count("upgrades_total") == 3);
  CHECK(scrape[R"(closes_total{pool="chat",code="1000",initiator="client",why="normal"})"] == "2");
  CHECK(scrape[R"(closes_total{pool="chat",code="4xxx",initiator="backend",why="normal"})"] == "1");
  CHECK(scrape[R"(closes_total{pool="chat",code="1012",initiator="drover",why="backend_lost"})"] == "1");
  CHECK(scrape[R"(closes_total{pool="",code="none",initiator="drover",why="rejected"})"] == "1");
  CHECK(scrape.count("closes_total") == 4);
}

TEST_CASE("metrics: sessions that drains still have to move, and the freeze") {
  Counted counted;
  CHECK(Scrape(counted)["drain_left"] == "0");
  CHECK(Scrape(counted)["drains_frozen"] == "0");
  using enum migration::DrainState;
  for (const auto& [state, left] : {std::pair{kRunning, 1U},
                                    {kWaiting, 20U},
                                    {kFrozen, 300U},
                                    {kDone, 4'000U},
                                    {kExpired, 50'000U},
                                    {kCancelled, 600'000U},
                                    {kDryRun, 7'000'000U}}) {
    migration::DrainView drain;
    drain.state = state;
    drain.left = left;
    counted.drains.push_back(drain);
  }
  counted.frozen = Source::Frozen::kYes;
  CHECK(Scrape(counted)["drain_left"] == "321");
  CHECK(Scrape(counted)["drains_frozen"] == "1");
  counted.status.drain_left = 19;  // of a shutdown, which is for all of them
  CHECK(Scrape(counted)["drain_left"] == "19");
}

TEST_CASE("metrics: moves by their way and their end, all of them from the start") {
  Counted counted;
  const auto count = [&](unsigned worker, observe::MoveMode mode, observe::MoveResult result, std::uint64_t moves) {
    counted.of("chat", worker).migrations[static_cast<std::size_t>(mode)][static_cast<std::size_t>(result)].add(moves);
  };
  count(0, observe::MoveMode::kHandoff, observe::MoveResult::kOk, 3);
  count(1, observe::MoveMode::kHandoff, observe::MoveResult::kOk, 4);
  count(0, observe::MoveMode::kNotify, observe::MoveResult::kForced, 2);
  count(0, observe::MoveMode::kClose, observe::MoveResult::kFailed, 1);
  count(1, observe::MoveMode::kRescue, observe::MoveResult::kRefused, 5);
  const Scrape scrape(counted);
  CHECK(scrape[R"(migrations_total{pool="chat",mode="rescue",result="refused"})"] == "5");
  CHECK(scrape[R"(migrations_total{pool="chat",mode="handoff",result="ok"})"] == "7");
  CHECK(scrape[R"(migrations_total{pool="chat",mode="notify",result="forced"})"] == "2");
  CHECK(scrape[R"(migrations_total{pool="chat",mode="close",result="failed"})"] == "1");
  CHECK(scrape[R"(migrations_total{pool="chat",mode="close",result="ok"})"] == "0");
  CHECK(scrape.count("migrations_total") == 16);
}

TEST_CASE("metrics: a pool has its messages, bytes and times from the start, no pool has none") {
  Counted counted;
  counted.of("chat");
  const Scrape scrape(counted);
  CHECK(scrape.count("messages_total") == 10);
  CHECK(scrape.count("bytes_total") == 2);
  CHECK(scrape.count("message_size_bytes_count") == 2);
  CHECK(scrape.count("upgrade_duration_seconds_count") == 1);
  CHECK(scrape.count("migration_pause_seconds_count") == 1);
  CHECK(scrape.count("session_duration_seconds_count") == 1);
  CHECK(scrape[R"(messages_total{pool="chat",direction="out",opcode="close"})"] == "0");
  CHECK(scrape[R"(bytes_total{pool="chat",direction="in"})"] == "0");
}

TEST_CASE("metrics: messages and bytes by direction and opcode") {
  Counted counted;
  auto& chat = counted.of("chat");
  chat.in.messages.add(Kind::kText, 5);
  for (int i = 0; i < 2; ++i) chat.in.messages.add(Kind::kBinary, 5);
  chat.in.pings.add(3);
  chat.in.pongs.add(4);
  chat.in.closes.add(5);
  chat.in.bytes.add(1'234'567);
  counted.of("chat", 1).in.bytes.add(1);
  chat.out.messages.add(Kind::kText, 5);
  chat.out.bytes.add(6);
  counted.of("mail").in.pings.add(1);
  const Scrape scrape(counted);
  const auto in = [&](const std::string& opcode) {
    return scrape[R"(messages_total{pool="chat",direction="in",opcode=")" + opcode + "\"}"];
  };
  CHECK(in("text") == "1");
  CHECK(in("binary") == "2");
  CHECK(in("ping") == "3");
  CHECK(in("pong") == "4");
  CHECK(in("close") == "5");
  CHECK(scrape[R"(messages_total{pool="chat",direction="out",opcode="text"})"] == "1");
  CHECK(scrape[R"(messages_total{pool="chat",direction="out",opcode="ping"})"] == "0");
  CHECK(scrape[R"(messages_total{pool="mail",direction="in",opcode="ping"})"] == "1");
  CHECK(scrape[R"(bytes_total{pool="chat",direction="in"})"] == "1234568");
  CHECK(scrape[R"(bytes_total{pool="chat",direction="out"})"] == "6");
}

TEST_CASE("metrics: sizes of messages, with bounds from 64 bytes to 64 MiB") {
  Counted counted;
  auto& in = counted.of("chat").in.messages;
  for (const unsigned size : {0U, 64U, 65U, 256U, 257U, 1U << 26U, (1U << 26U) + 1}) in.add(Kind::kText, size);
  counted.of("chat", 1).in.messages.add(Kind::kBinary, 64);
  const Scrape scrape(counted);
  const auto up_to = [&](const std::string& bound) {
    return scrape[R"(message_size_bytes_bucket{pool="chat",direction="in",le=")" + bound + "\"}"];
  };
  CHECK(up_to("64") == "3");
  CHECK(up_to("256") == "5");
  CHECK(up_to("1024") == "6");
  CHECK(up_to("16777216") == "6");
  CHECK(up_to("67108864") == "7");
  CHECK(up_to("+Inf") == "8");
  CHECK(scrape.count("message_size_bytes_bucket{pool=\"chat\",direction=\"in\"") == 12);
  CHECK(scrape[R"(message_size_bytes_count{pool="chat",direction="in"})"] == "8");
  CHECK(scrape[R"(message_size_bytes_sum{pool="chat",direction="in"})"] ==
        std::to_string(64 + 65 + 256 + 257 + 2 * (1 << 26) + 1 + 64));
}

TEST_CASE("metrics: durations are seconds") {
  Counted counted;
  auto& chat = counted.of("chat");
  chat.upgrade_time.add(2'500);
  chat.upgrade_time.add(2'501);
  chat.upgrade_time.add(11'000'000);
  counted.of("chat", 1).upgrade_time.add(900);
  chat.pause_time.add(7'000);
  chat.session_time.add(59);
  chat.session_time.add(2'592'001);
  const Scrape scrape(counted);
  const auto upgraded = [&](const std::string& bound) {
    return scrape[R"(upgrade_duration_seconds_bucket{pool="chat",le=")" + bound + "\"}"];
  };
  CHECK(upgraded("0.001") == "1");
  CHECK(upgraded("0.0025") == "2");
  CHECK(upgraded("0.005") == "3");
  CHECK(upgraded("10") == "3");
  CHECK(upgraded("+Inf") == "4");
  CHECK(scrape[R"(upgrade_duration_seconds_count{pool="chat"})"] == "4");
  CHECK(scrape[R"(upgrade_duration_seconds_sum{pool="chat"})"] == "11.005901");
  CHECK(scrape[R"(migration_pause_seconds_bucket{pool="chat",le="0.005"})"] == "0");
  CHECK(scrape[R"(migration_pause_seconds_bucket{pool="chat",le="0.01"})"] == "1");
  CHECK(scrape[R"(migration_pause_seconds_sum{pool="chat"})"] == "0.007");
  CHECK(scrape[R"(session_duration_seconds_bucket{pool="chat",le="60"})"] == "1");
  CHECK(scrape[R"(session_duration_seconds_bucket{pool="chat",le="2592000"})"] == "1");
  CHECK(scrape[R"(session_duration_seconds_count{pool="chat"})"] == "2");
  CHECK(scrape[R"(session_duration_seconds_sum{pool="chat"})"] == "2592060");
}

TEST_CASE("metrics: a backend's state, sessions, score, latency and upgrades") {
  Counted counted;
  const auto up = make_backend("web-1");
  const auto down = make_backend("web-2");
  down->set_probe(balancer::ProbeState::kDown);
  const auto lease = balancer::Lease::take(up);
  up->load().latency.add(1500us, kNow);
  up->note_session();
  for (int i = 0; i < 2; ++i) up->note_refusal();
  for (int i = 0; i < 3; ++i) CHECK(up->note_failure() > 0);
  counted.pools = {make_pool("chat", {up, down}, {.connections = 0.5, .cpu = 0, .memory = 0, .latency = 0})};
  const Scrape scrape(counted);
  const std::string web_1 = R"({pool="chat",backend="web-1"})";
  const std::string web_2 = R"({pool="chat",backend="web-2"})";
  CHECK(scrape["backend_up" + web_1] == "1");
  CHECK(scrape["backend_up" + web_2] == "0");
  CHECK(scrape["backend_eligible" + web_1] == "1");
  CHECK(scrape["backend_eligible" + web_2] == "0");
  CHECK(scrape["backend_active" + web_1] == "1");
  CHECK(scrape["backend_active" + web_2] == "0");
  CHECK(scrape["backend_score" + web_1] == "0.5");
  CHECK(scrape["backend_score" + web_2] == "none");
  CHECK(scrape["backend_latency_seconds" + web_1] == "0.0015");
  CHECK(scrape["backend_latency_seconds" + web_2] == "none");
  const auto upgrades = [&](const std::string& result) {
    return scrape[R"(backend_upgrades_total{pool="chat",backend="web-1",result=")" + result + "\"}"];
  };
  CHECK(upgrades("upgraded") == "1");
  CHECK(upgrades("refused") == "2");
  CHECK(upgrades("failed") == "3");
}

TEST_CASE("metrics: a backend that no probe has judged yet is not up") {
  Counted counted;
  const auto fresh = make_backend("web-1");
  fresh->set_probe(balancer::ProbeState::kChecking);
  counted.pools = {make_pool("chat", {fresh})};
  CHECK(Scrape(counted)[R"(backend_up{pool="chat",backend="web-1"})"] == "0");
  CHECK(Scrape(counted)[R"(backend_eligible{pool="chat",backend="web-1"})"] == "1");  // there is no better one
}

TEST_CASE("metrics: a backend that is up but ejected is not eligible") {
  Counted counted;
  const auto ejected = make_backend("web-1");
  ejected->set_ejected(true);
  counted.pools = {make_pool("chat", {ejected, make_backend("web-2"), make_backend("web-3")})};
  const Scrape scrape(counted);
  CHECK(scrape[R"(backend_up{pool="chat",backend="web-1"})"] == "1");
  CHECK(scrape[R"(backend_eligible{pool="chat",backend="web-1"})"] == "0");
}

TEST_CASE("metrics: what Drover itself answered, every reason from the start") {
  Counted counted;
  counted.counters[0].rejected[static_cast<std::size_t>(Code::kNoRoute)].add(1);
  counted.counters[1].rejected[static_cast<std::size_t>(Code::kNoRoute)].add(2);
  counted.counters[1].exhausted.add(5);
  const Scrape scrape(counted);
  CHECK(scrape["rejected_total{reason=\"no_route\"}"] == "3");
  CHECK(scrape["rejected_total{reason=\"gateway_timeout\"}"] == "0");
  CHECK(scrape.count("rejected_total") == kAnswerableCodes);
  CHECK(scrape["resources_exhausted_total"] == "5");
}

TEST_CASE("metrics: the lag of each worker's loop") {
  Counted counted;
  for (const auto time : {50us, 150us, 2000us, 5'000'000us}) counted.lag[1].add(time);
  const Scrape scrape(counted);
  const auto up_to = [&](const std::string& bound) {
    return scrape[R"(loop_lag_seconds_bucket{worker="1",le=")" + bound + "\"}"];
  };
  CHECK(up_to("0.0001") == "1");
  CHECK(up_to("0.00025") == "2");
  CHECK(up_to("0.001") == "2");
  CHECK(up_to("0.0025") == "3");
  CHECK(up_to("1") == "3");
  CHECK(up_to("+Inf") == "4");
  CHECK(scrape["loop_lag_seconds_sum{worker=\"1\"}"] == "5.0022");
  CHECK(scrape["loop_lag_seconds_count{worker=\"1\"}"] == "4");
  CHECK(scrape["loop_lag_seconds_count{worker=\"0\"}"] == "0");
}

TEST_CASE("metrics: TLS handshakes of all workers, by side and result, from the start") {
  Counted counted;
  counted.tls[0].clients.full.add(1);
  counted.tls[1].clients.full.add(2);
  counted.tls[1].clients.resumed.add(4);
  counted.tls[0].clients.failed.add(8);
  counted.tls[0].backends.full.add(16);
  const Scrape scrape(counted);
  CHECK(scrape[R"(tls_handshakes_total{side="client",result="full"})"] == "3");
  CHECK(scrape[R"(tls_handshakes_total{side="client",result="resumed"})"] == "4");
  CHECK(scrape[R"(tls_handshakes_total{side="client",result="failed"})"] == "8");
  CHECK(scrape[R"(tls_handshakes_total{side="backend",result="full"})"] == "16");
  CHECK(scrape[R"(tls_handshakes_total{side="backend",result="failed"})"] == "0");
}

TEST_CASE("metrics: when certificates expire") {
  Counted counted;
  counted.status.certificates = {{"/etc/chat.pem", std::chrono::system_clock::from_time_t(2'000'000'000)}};
  CHECK(Scrape(counted)[R"(certificate_not_after_timestamp_seconds{file="/etc/chat.pem"})"] == "2000000000");
}

TEST_CASE("metrics: a pool that the configuration has no more keeps its counts") {
  Counted counted;
  counted.of("old").in.bytes.add(7);
  counted.pools = {make_pool("chat", {make_backend("web-1")})};
  CHECK(Scrape(counted)[R"(bytes_total{pool="old",direction="in"})"] == "7");
}

}  // namespace drover::admin
