// Probes that are destroyed at every moment, and what is left of them: nothing. What all kinds have in common.
#include <doctest/doctest.h>

#include "server.h"
#include "unit/websocket/frames.h"
#include "websocket/handshake.h"

namespace drover::health {
namespace {

using test::descriptors;
using test::Look;
using test::Peer;
using Type = config::HealthCheck::Type;

constexpr Type kTypes[] = {Type::kTcp, Type::kHttp, Type::kWebSocket};

// Answers whatever it is asked by answering the handshake of HTTP and WebSocket, and pings.
void answer(Peer& peer) {
  const auto end = peer.received.find("\r\n\r\n");
  if (end == std::string::npos) return;
  const auto key = peer.received.find("Sec-WebSocket-Key: ");
  if (peer.step++ == 0) {
    const std::string accept = key == std::string::npos ? "" : websocket::accept_of(peer.received.substr(key + 19, 24));
    return peer.send(accept.empty() ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                                    : "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                      "Sec-WebSocket-Accept: " +
                                          accept + "\r\n\r\n");
  }
  const auto seen = websocket::test::scan_in_pieces(websocket::Sender::kClient, peer.received.substr(end + 4), {});
  if (seen.controls.size() != 1) return;
  peer.send(websocket::test::frame(websocket::Sender::kBackend, 0x80 | 10, seen.controls[0].payload));
}

}  // namespace

TEST_CASE("a probe that is destroyed says nothing, and its descriptor is closed at once") {
  for (const auto type : kTypes) {
    Look look(type);
    const auto before = descriptors();
    SUBCASE("at once") {
      look.start();
      CHECK(descriptors() == before + 1);
      look.probe.reset();
      CHECK(descriptors() == before);
    }
    SUBCASE("while the backend keeps silent") {
      if (type == Type::kTcp) continue;  // it asks nothing
      look.start();
      net::run_until(look.loop, [&] { return !look.server.peers.empty() && !look.received().empty(); });
      CHECK(descriptors() == before + 2);
      look.probe.reset();
      CHECK(descriptors() == before + 1);
      net::run_until(look.loop, [&] { return look.server.peers[0]->end.has_value(); });
      CHECK(look.server.peers[0]->end == net::ReadEnd::kEof);
    }
    SUBCASE("before a failure of the connection is told") {
      look.server.stop();
      look.start();
      look.probe.reset();
    }
    net::run_some(look.loop);
    CHECK(look.results.empty());
  }
}

TEST_CASE("a probe may be destroyed before its immediate failure is told") {
  for (const auto type : kTypes) {
    Look look(type);
    const net::FewDescriptors few;
    look.start();
    look.probe.reset();
    net::run_some(look.loop);
    CHECK(look.results.empty());
  }
}

TEST_CASE("a probe may be destroyed at the end of the turn that it was started in") {
  for (const auto type : kTypes) {
    Look look(type);
    look.loop.post([&] {
      look.start();
      look.loop.defer([&] { look.probe.reset(); });
    });
    net::run_some(look.loop);
    CHECK(look.results.empty());
  }
}

TEST_CASE("a probe that was never started goes without a word") {
  for (const auto type : kTypes) {
    Look look(type);
    look.probe = make_probe(look.loop, look.settings, "127.0.0.1:1");
    look.probe.reset();
  }
}

TEST_CASE("a probe may be destroyed where it speaks, good or bad, and the next one started there") {
  for (const auto type : kTypes) {
    Look look(type);
    look.server.script = answer;
    const auto before = descriptors();
    int spoken = 0;
    std::function<void(const ProbeResult&)> done = [&](const ProbeResult&) {
      ++spoken;
      look.probe.reset();
      if (spoken == 5) look.server.stop();
      if (spoken == 10) return;
      look.probe = make_probe(look.loop, look.settings, look.server.address().text());
      look.probe->start(look.server.address(), nullptr, done);
    };
    look.probe = make_probe(look.loop, look.settings, look.server.address().text());
    look.probe->start(look.server.address(), nullptr, done);
    net::run_until(look.loop, [&] { return spoken == 10; });
    // The acceptor's is gone too.
    net::run_until(look.loop, [&] { return descriptors() == before - 1; });
    CHECK(spoken == 10);
  }
}

TEST_CASE("thousands of probes leave no descriptor behind") {
  for (const auto type : kTypes) {
    Look look(type);
    look.server.script = answer;
    const auto before = descriptors();
    constexpr int kProbes = 2000;
    int good = 0;
    int spoken = 0;
    for (int i = 0; i < kProbes; ++i) {
      look.probe = make_probe(look.loop, look.settings, look.server.address().text());
      look.probe->start(look.server.address(), nullptr, [&](const ProbeResult& said) {
        ++spoken;
        good += said.verdict ? 1 : 0;
      });
      // Every third is cut somewhere on its way.
      const int turns = i % 3 == 0 ? i % 7 : 1000;
      for (int turn = 0; turn < turns && spoken <= i; ++turn) look.loop.turn(net::Loop::Patience::kNone);
      if (spoken <= i) spoken = i + 1;
    }
    look.probe.reset();
    net::run_until(look.loop, [&] { return descriptors() == before; });
    CHECK(good >= kProbes / 2);
  }
}

}  // namespace drover::health
