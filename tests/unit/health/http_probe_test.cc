// What a GET is judged by: status, body, and an answer that is whole.
#include <doctest/doctest.h>

#include "server.h"

namespace drover::health {
namespace {

using test::answering;
using test::Look;
using test::Peer;

constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::size_t kMaxBody = 64 * 1024;

struct HttpLook : Look {
  HttpLook() : Look(config::HealthCheck::Type::kHttp) {}
  explicit HttpLook(const std::string& answer) : HttpLook() { server.script = answering(answer); }
};

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Sends `answer` in pieces, one a turn, so that no two come in one read.
Peer::Script answering_in_pieces(net::Loop& loop, std::vector<std::string> pieces) {
  return [&loop, pieces = std::move(pieces)](Peer& peer) {
    if (peer.step != 0 || !peer.received.ends_with("\r\n\r\n")) return;
    peer.step = 1;
    // A posted task runs in a turn of its own.
    const auto say = [&loop, &peer, &pieces](const auto& self, std::size_t at) -> void {
      peer.send(pieces[at]);
      if (at + 1 < pieces.size()) loop.post([self, at] { self(self, at + 1); });
    };
    say(say, 0);
  };
}

}  // namespace

TEST_CASE("http: the request") {
  HttpLook look(ok("fine"));
  look.settings.path = "/health?deep=1";
  CHECK(look.result().verdict);
  const std::string front = "GET /health?deep=1 HTTP/1.1\r\nHost: ";
  const std::string rest = "\r\nUser-Agent: drover-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  CHECK(look.received() == front + look.server.address().text() + rest);
  look.settings.host = "chat.example.com";
  CHECK(look.result().verdict);
  CHECK(look.received() == front + "chat.example.com" + rest);
}

TEST_CASE("http: an answer with the expected status is good, however its body is framed") {
  for (const std::string& answer :
       {ok("fine"), ok(""), std::string(kChunked) + "4\r\nfine\r\n0\r\n\r\n",
        std::string("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nxmore")}) {
    CAPTURE(answer);
    HttpLook look(answer);
    const auto said = look.result();
    CHECK(said.verdict);
    REQUIRE(said.round_trip);
    CHECK(said.round_trip->count() > 0);
    CHECK(!said.report);
  }
  HttpLook look("HTTP/1.1 204 No Content\r\n\r\n");
  look.settings.expect_status = 204;
  CHECK(look.result().verdict);
}

TEST_CASE("http: a body may last until the end of the connection") {
  HttpLook look;
  look.server.script = answering("HTTP/1.0 200 OK\r\n\r\nfine", [](Peer& peer) { peer.finish(); });
  look.settings.expect_body = "fine";
  CHECK(look.result().verdict);
  look.server.script =
      answering("HTTP/1.0 200 OK\r\n\r\nfine", [&](Peer& peer) { look.loop.post([&peer] { peer.reset(); }); });
  CHECK(look.failure() == "reset the connection before its answer was whole");
}

TEST_CASE("http: another status is a failure, as soon as the head is there") {
  HttpLook look("HTTP/1.1 500 Oops\r\nContent-Length: 1000\r\n\r\n");
  CHECK(look.failure() == "answered 500 to GET /health, expected 200");
  CHECK(look.code == Code::kBadGateway);
  CHECK(look.results[0].round_trip);
  look.settings.expect_status = 500;
  look.server.script = answering(ok("fine"));
  CHECK(look.failure() == "answered 200 to GET /health, expected 500");
}

TEST_CASE("http: an expected part of the body") {
  HttpLook look(ok("all is fine here"));
  look.settings.expect_body = "is fine";
  CHECK(look.result().verdict);
  look.settings.expect_body = "is finer";
  CHECK(look.failure() == "the body of GET /health has no 'is finer'");
  look.server.script = answering("HTTP/1.1 204 No Content\r\n\r\n");
  look.settings.expect_status = 204;
  CHECK(look.failure() == "the body of GET /health has no 'is finer'");
}

TEST_CASE("http: the expected part may lie across chunks, reads and the head's end") {
  HttpLook look(std::string(kChunked) + "3\r\nis \r\n2;x=y\r\nfi\r\n2\r\nne\r\n0\r\n\r\n");
  look.settings.expect_body = "is fine";
  CHECK(look.result().verdict);
  look.server.script = answering_in_pieces(look.loop, {"HTTP/1.1 200 ", "OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r",
                                                       "\nis ", "\r\n4\r\nfi", "ne\r\n", "0\r\n\r\n"});
  CHECK(look.result().verdict);
  look.settings.expect_body = "2;x=y";  // the framing is no part of it
  CHECK(look.failure() == "the body of GET /health has no '2;x=y'");
}

TEST_CASE("http: 64 KiB of a body are looked at, and more is no failure") {
  const std::string inside = std::string(kMaxBody - 4, 'x') + "fine";
  const std::string across = std::string(kMaxBody - 3, 'x') + "fine";
  const auto chunk = [](const std::string& body) {
    char size[32];
    std::snprintf(size, sizeof(size), "%zx\r\n", body.size());
    return std::string(kChunked) + size + body + "\r\n";  // never ends
  };
  for (const auto& answer : {ok(inside), ok(inside + std::string(1'000'000, 'y')), chunk(inside)}) {
    HttpLook look(answer);
    look.settings.expect_body = "xfine";
    CHECK(look.result().verdict);
  }
  for (const auto& answer : {ok(across), ok(across + std::string(1'000'000, 'y')), chunk(across)}) {
    HttpLook look(answer);
    CHECK(look.result().verdict);
    look.settings.expect_body = "xfine";
    CHECK(look.failure() == "the body of GET /health has no 'xfine'");
  }
}

TEST_CASE("http: an answer that is cut is a failure") {
  for (const std::string& cut :
       {std::string(), std::string("HTTP/1.1 200 OK\r\nContent-Le"), ok("fine").substr(0, ok("fine").size() - 1),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), std::string(kChunked) + "4\r\nfine\r\n0\r\n"}) {
    CAPTURE(cut);
    HttpLook look;
    look.server.script = answering(cut, [](Peer& peer) { peer.finish(); });
    CHECK(look.failure() == "ended the connection before its answer was whole");
    CHECK(look.code == Code::kBadGateway);
    look.server.script = answering(cut, [&](Peer& peer) { look.loop.post([&peer] { peer.reset(); }); });
    CHECK(look.failure() == "reset the connection before its answer was whole");
  }
}

TEST_CASE("http: no HTTP, a head without end, and a broken body are failures") {
  for (const std::string& garbage :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n"), "HTTP/1.1 200 OK\r\nA: " + std::string(20'000, 'a'),
        std::string(kChunked) + "4\r\nfineX"}) {
    HttpLook look(garbage);
    CHECK(!look.failure().empty());
    CHECK(look.code == Code::kBadGateway);
  }
}

TEST_CASE("http: the load, of a JSON body and of the ORCA header") {
  const std::string json = R"({"cpu_usage":0.4,"connections":12})";
  const auto with = [](const std::string& header, const std::string& body) {
    return "HTTP/1.1 200 OK\r\n" + header + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  const std::string orca = "Endpoint-Load-Metrics: TEXT cpu_utilization:0.9,mem_utilization:0.5\r\n";
  HttpLook look(with("", json));
  auto report = look.result().report;
  REQUIRE(report);
  CHECK(report->cpu == 0.4);
  CHECK(report->connections == 12);
  CHECK(!report->memory);

  look.server.script = answering(with(orca, "fine"));
  report = look.result().report;
  REQUIRE(report);
  CHECK(report->cpu == 0.9);
  CHECK(report->memory == 0.5);

  look.server.script = answering(with(orca, json));
  report = look.result().report;
  REQUIRE(report);
  CHECK(report->cpu == 0.4);
  CHECK(report->memory == 0.5);
  CHECK(report->connections == 12);

  look.server.script = answering(with("Endpoint-Load-Metrics: BIN AAAA\r\n", "[1, 2]"));
  const auto broken = look.result().report;
  REQUIRE(broken);
  CHECK((broken->empty() && broken->ignored == 1));

  // Only a good answer is believed: failure() insists that there is no report.
  look.server.script = answering(with(orca, json));
  look.settings.expect_body = "nothing of that";
  CHECK(look.failure() == "the body of GET /health has no 'nothing of that'");
}

}  // namespace drover::health
