// Upgrade, ping, pong and Close against a server of plain frames.
#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "server.h"
#include "unit/websocket/frames.h"
#include "websocket/handshake.h"

namespace drover::health {
namespace {

using test::Look;
using test::Peer;
using websocket::Opcode;
using websocket::Sender;
using websocket::test::close_payload;

constexpr unsigned kFin = 0x80;
constexpr unsigned kText = kFin | 1;
constexpr unsigned kClose = kFin | 8;
constexpr unsigned kPing = kFin | 9;
constexpr unsigned kPong = kFin | 10;

std::string from_server(unsigned first, const std::string& payload) {
  return websocket::test::frame(Sender::kBackend, first, payload);
}

std::size_t head_size(const Peer& peer) {
  const auto end = peer.received.find("\r\n\r\n");
  return end == std::string::npos ? 0 : end + 4;
}

std::string key_of(const Peer& peer) {
  const std::string name = "Sec-WebSocket-Key: ";
  const auto at = peer.received.find(name);
  REQUIRE(at != std::string::npos);
  return peer.received.substr(at + name.size(), 24);
}

std::string switching(const Peer& peer, const std::string& header = "") {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + header +
         "Sec-WebSocket-Accept: " + websocket::accept_of(key_of(peer)) + "\r\n\r\n";
}

// What the probe has sent behind its request; it must be masked.
std::vector<websocket::test::SeenControl> sent_by_probe(const Peer& peer) {
  auto seen = websocket::test::scan_in_pieces(Sender::kClient, peer.received.substr(head_size(peer)), {});
  CHECK(!seen.violation);
  CHECK(seen.output.empty());
  return std::move(seen.controls);
}

// Upgrades with `header` and sends `greeting` along; answers the first ping by way of `on_ping`.
Peer::Script upgrading(std::function<void(Peer&, const std::string& payload)> on_ping, std::string header = "",
                       std::string greeting = "") {
  return [on_ping = std::move(on_ping), header = std::move(header), greeting = std::move(greeting)](Peer& peer) {
    if (head_size(peer) == 0) return;
    if (peer.step == 0) {
      peer.step = 1;
      peer.send(switching(peer, header) + greeting);
    }
    if (peer.step == 1) {
      for (const auto& control : sent_by_probe(peer)) {
        if (control.opcode != Opcode::kPing) continue;
        peer.step = 2;
        return on_ping(peer, control.payload);
      }
    }
  };
}

void pong(Peer& peer, const std::string& payload) {
  peer.send(from_server(kPong, payload));
}

struct WebSocketLook : Look {
  WebSocketLook() : Look(config::HealthCheck::Type::kWebSocket) { server.script = upgrading(pong); }
  const Peer& peer() const { return *server.peers.back(); }
  std::string last_close() {
    net::run_until(loop, [this] { return peer().end.has_value(); });
    CHECK(peer().end == net::ReadEnd::kEof);
    const auto controls = sent_by_probe(peer());
    REQUIRE(!controls.empty());
    REQUIRE(controls.back().opcode == Opcode::kClose);
    return controls.back().payload;
  }
};

}  // namespace

TEST_CASE("websocket: upgrade, ping, pong, and a Close in order") {
  WebSocketLook look;
  const auto said = look.result();
  CHECK(said.verdict);
  REQUIRE(said.round_trip);
  CHECK(said.round_trip->count() > 0);
  CHECK(!said.report);
  CHECK(look.last_close() == close_payload(1000));
  const auto controls = sent_by_probe(look.peer());
  REQUIRE(controls.size() == 2);
  CHECK(controls[0].payload.size() == 8);
  CHECK(look.received().substr(0, head_size(look.peer())) ==
        "GET /health HTTP/1.1\r\nHost: " + look.server.address().text() +
            "\r\nUser-Agent: drover-health-check\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
            key_of(look.peer()) + "\r\n\r\n");
}

TEST_CASE("websocket: the Close arrives although the probe is gone as soon as it has spoken") {
  WebSocketLook look;
  look.probe = make_probe(look.loop, look.settings, look.server.address().text());
  bool spoken = false;
  look.probe->start(look.server.address(), nullptr, [&](const ProbeResult& said) {
    CHECK(said.verdict);
    look.probe.reset();
    spoken = true;
  });
  net::run_until(look.loop, [&] { return spoken; });
  CHECK(look.last_close() == close_payload(1000));
}

TEST_CASE("websocket: a probe that is kept reads the answer to its Close, and ends with the backend") {
  WebSocketLook look;
  look.server.script = [&](Peer& peer) {
    upgrading(pong)(peer);
    if (peer.step == 2 && sent_by_probe(peer).size() == 2) {
      peer.step = 3;
      peer.send(from_server(kClose, close_payload(1000)));
      peer.finish();
    }
  };
  const auto before = test::descriptors();
  CHECK(look.result().verdict);
  net::run_until(look.loop, [&] { return look.peer().end.has_value() && test::descriptors() == before; });
  CHECK(look.peer().end == net::ReadEnd::kEof);
  CHECK(look.results.size() == 1);
}

TEST_CASE("websocket: the round trip is that of the ping, without the upgrade") {
  using Clock = std::chrono::steady_clock;
  WebSocketLook look;
  Clock::time_point upgraded;
  look.server.script = [&](Peer& peer) {
    if (head_size(peer) != 0 && peer.step == 0) upgraded = Clock::now();
    upgrading(pong)(peer);
  };
  std::optional<ProbeResult> result;
  std::chrono::nanoseconds since_upgrade{};
  look.probe = make_probe(look.loop, look.settings, "");
  look.probe->start(look.server.address(), nullptr, [&](const ProbeResult& said) {
    since_upgrade = Clock::now() - upgraded;
    result = said;
  });
  net::run_until(look.loop, [&] { return result.has_value(); });
  REQUIRE(result->round_trip);
  CHECK(*result->round_trip <= since_upgrade);
}

TEST_CASE("websocket: key and ping are new each time") {
  std::set<std::string> keys;
  std::set<std::string> payloads;
  WebSocketLook look;
  for (int i = 0; i < 10; ++i) {
    CHECK(look.result().verdict);
    keys.insert(key_of(look.peer()));
    payloads.insert(sent_by_probe(look.peer())[0].payload);
  }
  CHECK(keys.size() == 10);
  CHECK(payloads.size() == 10);
}

TEST_CASE("websocket: what comes before the pong does not matter, and pings are answered") {
  WebSocketLook look;
  const std::string greeting = from_server(kText, "welcome") + from_server(kPong, "") + from_server(kPing, "you?") +
                               from_server(2, std::string(70'000, 'b'));
  look.server.script = upgrading(
      [](Peer& peer, const std::string& payload) {
        std::string other = payload;
        ++other[7];
        peer.send(from_server(kPong, other) + from_server(kPong, payload.substr(0, 7)) +
                  from_server(kPong, payload + "x"));
        peer.send(from_server(kFin | 0, "end") + from_server(kPong, payload));
      },
      "", greeting);
  CHECK(look.result().verdict);
  CHECK(look.last_close() == close_payload(1000));
  const auto controls = sent_by_probe(look.peer());
  REQUIRE(controls.size() == 3);
  CHECK(controls[1].opcode == Opcode::kPong);
  CHECK(controls[1].payload == "you?");
}

TEST_CASE("websocket: a backend that waits for a pong itself gets it before it answers") {
  WebSocketLook look;
  std::string asked;
  look.server.script = [&](Peer& peer) {
    upgrading([&](Peer&, const std::string& payload) { asked = payload; }, "", from_server(kPing, "you?"))(peer);
    if (peer.step == 2 && sent_by_probe(peer).size() == 2) {
      peer.step = 3;
      pong(peer, asked);
    }
  };
  CHECK(look.result().verdict);
}

TEST_CASE("websocket: only the pong to the probe's own ping counts") {
  WebSocketLook look;
  look.server.script = upgrading([](Peer& peer, const std::string&) {
    peer.send(from_server(kPong, "12345678") + from_server(kPong, ""));
    peer.finish();
  });
  CHECK(look.failure() == "ended the connection before the pong");
}

TEST_CASE("websocket: a pong before the ping is none") {
  WebSocketLook look;
  look.server.script =
      upgrading([](Peer& peer, const std::string&) { peer.finish(); }, "", from_server(kPong, std::string(8, '\0')));
  CHECK(look.failure() == "ended the connection before the pong");
}

TEST_CASE("websocket: 1 MiB without the pong is enough") {
  WebSocketLook look;
  std::string most;
  while (most.size() < 950'000) most += from_server(kText, std::string(60'000, 't'));
  look.server.script = upgrading([&](Peer& peer, const std::string& payload) {
    peer.send(most);
    pong(peer, payload);
  });
  CHECK(look.result().verdict);
  look.server.script = upgrading([&](Peer& peer, const std::string& payload) {
    peer.send(most + most);
    pong(peer, payload);
  });
  CHECK(look.failure() == "sent over 1 MiB before the pong");
}

TEST_CASE("websocket: the load, of the ORCA header") {
  WebSocketLook look;
  look.server.script = upgrading(pong, "endpoint-load-metrics: TEXT cpu_utilization:0.9,mem_utilization:0.5\r\n");
  const auto report = look.result().report;
  REQUIRE(report);
  CHECK(report->cpu == 0.9);
  CHECK(report->memory == 0.5);
}

TEST_CASE("websocket: anything but a right 101 is a failure") {
  WebSocketLook look;
  const std::string front = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  look.server.script = test::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  CHECK(look.failure() == "answered 403 to the upgrade of /health, expected 101");
  look.server.script = test::answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
  CHECK(look.failure() == "answered 200 to the upgrade of /health, expected 101");
  look.server.script = test::answering(front + "Sec-WebSocket-Accept: " + websocket::accept_of("other") + "\r\n\r\n");
  CHECK(look.failure() == "a 101 without one right Sec-WebSocket-Accept");
  look.server.script = upgrading(pong, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  CHECK(look.failure() == "an extension that was not offered");
  look.server.script = upgrading(pong, "Sec-WebSocket-Protocol: chat\r\n");
  CHECK(look.failure() == "a subprotocol that was not offered");
  look.server.script = test::answering("+OK ready\r\n");
  CHECK(!look.failure().empty());
  look.server.script = test::answering(front, [](Peer& peer) { peer.finish(); });
  CHECK(look.failure() == "ended the connection before its answer was whole");
  look.server.script = test::answering(front, [&](Peer& peer) { look.loop.post([&peer] { peer.reset(); }); });
  CHECK(look.failure() == "reset the connection before its answer was whole");
}

TEST_CASE("websocket: a backend that closes or breaks the rules instead is answered, and down") {
  const std::string detail = "closed the WebSocket before the pong, or broke its rules";
  WebSocketLook look;
  look.server.script =
      upgrading([](Peer& peer, const std::string&) { peer.send(from_server(kClose, close_payload(1001, "bye"))); });
  CHECK(look.failure() == detail);
  CHECK(look.last_close() == close_payload(1001, "bye"));
  look.server.script = upgrading(
      [](Peer& peer, const std::string&) { peer.send(websocket::test::frame(Sender::kClient, kText, "masked")); });
  CHECK(look.failure() == detail);
  CHECK(look.last_close() == close_payload(1002));
  look.server.script = upgrading(
      [](Peer& peer, const std::string&) { peer.send(websocket::test::header(Sender::kBackend, 2, 1 << 21) + "x"); });
  CHECK(look.failure() == detail);
  CHECK(look.last_close() == close_payload(1009));
  look.server.script = upgrading([&](Peer& peer, const std::string&) { look.loop.post([&peer] { peer.reset(); }); });
  CHECK(look.failure() == "reset the connection before the pong");
}

TEST_CASE("websocket: a Close right behind the pong does not spoil it") {
  WebSocketLook look;
  look.server.script = upgrading([](Peer& peer, const std::string& payload) {
    peer.send(from_server(kPong, payload) + from_server(kClose, close_payload(1001)));
  });
  CHECK(look.result().verdict);
  CHECK(look.last_close() == close_payload(1001));
}

}  // namespace drover::health
