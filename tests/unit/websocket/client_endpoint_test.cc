// A client's side of a connection, driven with frames, and against Drover's own server side.
#include "websocket/client_endpoint.h"

#include <doctest/doctest.h>

#include <set>

#include "frames.h"
#include "websocket/server_endpoint.h"

namespace drover::websocket {
namespace {

using test::frame;
using test::Seen;

constexpr unsigned kFin = 0x80;

std::string from_server(unsigned first, const std::string& payload) {
  return frame(Sender::kBackend, first, payload);
}

struct Client {
  explicit Client(std::uint64_t max_message_size = 1000)
      : endpoint([this](Bytes payload) { pongs.emplace_back(as_text(payload)); }, max_message_size) {}
  bool receive(const std::string& input) { return endpoint.receive(as_bytes(input)); }
  Seen sent() { return test::scan_in_pieces(Sender::kClient, endpoint.take_output(), {}); }

  std::vector<std::string> pongs;
  ClientEndpoint endpoint;
};

// The payload of the Close that input is answered with.
std::string close_answer_to(const std::string& input) {
  Client client;
  CHECK_FALSE(client.receive(input));
  const Seen seen = client.sent();
  REQUIRE(seen.controls.size() == 1);
  REQUIRE(seen.controls[0].opcode == Opcode::kClose);
  return seen.controls[0].payload;
}

}  // namespace

TEST_SUITE("client endpoint") {
  TEST_CASE("what is sent is masked, each frame with a key of its own") {
    std::set<std::string> keys;
    for (int i = 0; i < 100; ++i) {
      Client client;
      client.endpoint.send(Opcode::kPing, as_bytes("12345678"));
      const std::string output = client.endpoint.take_output();
      REQUIRE(output.size() == 2 + 4 + 8);
      keys.insert(output.substr(2, 4));
      const Seen seen = test::scan_in_pieces(Sender::kClient, output, {});
      REQUIRE(seen.controls.size() == 1);
      CHECK(seen.controls[0].opcode == Opcode::kPing);
      CHECK(seen.controls[0].payload == "12345678");
    }
    CHECK(keys.size() > 95);
  }

  TEST_CASE("pongs are told among other frames, however they are cut") {
    const std::string stream = from_server(kFin | 1, "text") + from_server(kFin | 10, "one") + from_server(2, "bin") +
                               from_server(kFin | 9, "ping") + from_server(kFin | 10, "two") +
                               from_server(kFin | 0, std::string(900, 'b')) + from_server(kFin | 10, "");
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, stream.size()}) {
      Client client;
      for (std::size_t at = 0; at < stream.size(); at += piece) CHECK(client.receive(stream.substr(at, piece)));
      CHECK(client.pongs == std::vector<std::string>{"one", "two", ""});
      const Seen seen = client.sent();
      REQUIRE(seen.controls.size() == 1);
      CHECK(seen.controls[0].opcode == Opcode::kPong);
      CHECK(seen.controls[0].payload == "ping");
    }
  }

  TEST_CASE("a Close is answered and ends the connection") {
    CHECK(close_answer_to(from_server(kFin | 8, test::close_payload(1001, "bye"))) == test::close_payload(1001, "bye"));
    CHECK(close_answer_to(from_server(kFin | 8, "")).empty());
  }

  TEST_CASE("broken frames are answered with 1002, a frame over the limit with 1009") {
    CHECK(close_answer_to(frame(Sender::kClient, kFin | 1, "masked")) == test::close_payload(1002));
    CHECK(close_answer_to(from_server(kFin | 0, "nothing to continue")) == test::close_payload(1002));
    CHECK(close_answer_to(from_server(kFin | 2, std::string(1001, 'b'))) == test::close_payload(1009));
    CHECK(close_answer_to(test::header(Sender::kBackend, kFin | 2, 1ULL << 40) + "x") == test::close_payload(1009));
  }

  TEST_CASE("a client and a server understand each other to the end") {
    Client client;
    ServerEndpoint server([](ServerEndpoint&, Opcode, Bytes) {}, 1000);
    client.endpoint.send(Opcode::kPing, as_bytes("are you there"));
    CHECK(server.receive(as_bytes(client.endpoint.take_output())));
    CHECK(client.endpoint.receive(as_bytes(server.take_output())));
    CHECK(client.pongs == std::vector<std::string>{"are you there"});
    client.endpoint.send(Opcode::kClose, as_bytes(test::close_payload(1000)));
    CHECK_FALSE(server.receive(as_bytes(client.endpoint.take_output())));
    CHECK_FALSE(client.endpoint.receive(as_bytes(server.take_output())));
    CHECK(client.endpoint.take_output().empty());
  }
}

}  // namespace drover::websocket
