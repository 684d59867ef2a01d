// The demo server's side of a connection, driven with frames and read back with the scanner.
#include "websocket/server_endpoint.h"

#include <doctest/doctest.h>

#include "frames.h"

namespace drover::websocket {
namespace {

using test::frame;
using test::Seen;

constexpr unsigned kFin = 0x80;

std::string from_client(unsigned first, const std::string& payload) {
  return frame(Sender::kClient, first, payload);
}
std::string from_server(unsigned first, const std::string& payload) {
  return frame(Sender::kBackend, first, payload);
}

void echo(ServerEndpoint& endpoint, Opcode opcode, Bytes payload) {
  endpoint.send(opcode, payload);
}

// The payload of the one frame that the endpoint answered with.
std::string close_answer(ServerEndpoint& endpoint) {
  const Seen seen = test::scan_in_pieces(Sender::kBackend, endpoint.take_output(), {});
  REQUIRE(seen.output.empty());
  REQUIRE(seen.controls.size() == 1);
  REQUIRE(seen.controls[0].opcode == Opcode::kClose);
  return seen.controls[0].payload;
}

std::string close_answer_to(const std::string& input) {
  ServerEndpoint endpoint(echo, 1000);
  CHECK_FALSE(endpoint.receive(as_bytes(input)));
  return close_answer(endpoint);
}

}  // namespace

TEST_SUITE("server endpoint") {
  TEST_CASE("messages are whole and unmasked, however they are cut") {
    std::string stream = from_client(kFin | 1, "text") + from_client(2, "bin") + from_client(kFin | 9, "ping") +
                         from_client(kFin | 0, "ary") + from_client(kFin | 1, std::string(9000, 'l'));
    const std::string expected = from_server(kFin | 1, "text") + from_server(kFin | 10, "ping") +
                                 from_server(kFin | 2, "binary") + from_server(kFin | 1, std::string(9000, 'l'));
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, stream.size()}) {
      ServerEndpoint endpoint(echo, 10000);
      std::string output;
      for (std::size_t at = 0; at < stream.size(); at += piece) {
        CHECK(endpoint.receive(as_bytes(std::string_view(stream).substr(at, piece))));
        output += endpoint.take_output();
      }
      // Where the pong stands among the echoes depends on what comes in one piece.
      CHECK(output.size() == expected.size());
      const Seen seen = test::scan_in_pieces(Sender::kBackend, output, {});
      CHECK(seen.output == from_server(kFin | 1, "text") + from_server(kFin | 2, "binary") +
                               from_server(kFin | 1, std::string(9000, 'l')));
      REQUIRE(seen.controls.size() == 1);
      CHECK(seen.controls[0].opcode == Opcode::kPong);
      CHECK(seen.controls[0].payload == "ping");
    }
  }

  TEST_CASE("a message may be sent at any time") {
    ServerEndpoint endpoint(echo, 1000);
    endpoint.send(Opcode::kText, as_bytes("unasked"));
    CHECK(endpoint.take_output() == from_server(kFin | 1, "unasked"));
    CHECK(endpoint.take_output().empty());
  }

  TEST_CASE("a Close is answered with its code and ends the connection") {
    CHECK(close_answer_to(from_client(kFin | 8, test::close_payload(1000, "bye"))) == test::close_payload(1000, "bye"));
    CHECK(close_answer_to(from_client(kFin | 8, test::close_payload(4001))) == test::close_payload(4001));
    CHECK(close_answer_to(from_client(kFin | 8, "")).empty());
  }

  TEST_CASE("a Close with a newer code ends the connection too") {
    CHECK(close_answer_to(from_client(kFin | 8, test::close_payload(1012))) == test::close_payload(1002));
  }

  TEST_CASE("after a Close nothing is read and nothing is sent") {
    ServerEndpoint endpoint(echo, 1000);
    const std::string close = from_client(kFin | 8, test::close_payload(1000));
    CHECK_FALSE(endpoint.receive(as_bytes(close + from_client(kFin | 1, "late"))));
    endpoint.send(Opcode::kText, as_bytes("late"));
    CHECK(close_answer(endpoint) == test::close_payload(1000));
    CHECK_FALSE(endpoint.receive(as_bytes(from_client(kFin | 1, "later"))));
    CHECK(endpoint.take_output().empty());
  }

  TEST_CASE("a server may close: nothing is sent behind it, the client's answer ends the connection") {
    ServerEndpoint endpoint(echo, 1000);
    endpoint.send(Opcode::kClose, as_bytes(test::close_payload(1001)));
    CHECK(endpoint.take_output() == from_server(kFin | 8, test::close_payload(1001)));
    endpoint.send(Opcode::kText, as_bytes("late"));
    CHECK(endpoint.take_output().empty());
    CHECK_FALSE(endpoint.receive(as_bytes(from_client(kFin | 8, test::close_payload(1001)))));
    CHECK(endpoint.take_output().empty());
  }

  TEST_CASE("broken frames are answered with 1002, a message over the limit with 1009") {
    CHECK(close_answer_to(from_server(kFin | 1, "unmasked")) == test::close_payload(1002));
    CHECK(close_answer_to(from_client(kFin | 0, "nothing to continue")) == test::close_payload(1002));
    CHECK(close_answer_to(from_client(kFin | 0x40 | 1, "reserved")) == test::close_payload(1002));
    CHECK(close_answer_to(from_client(kFin | 2, std::string(1001, 'b'))) == test::close_payload(1009));
    // With the header, whatever it announces.
    CHECK(close_answer_to(test::header(Sender::kClient, kFin | 2, 1ULL << 40) + std::string(test::kMask) + "x") ==
          test::close_payload(1009));
  }

  TEST_CASE("a flood of pings is answered while it is read") {
    ServerEndpoint endpoint(echo, 1000);
    std::string flood;
    std::string pongs;
    for (int i = 0; i < 20000; ++i) {
      flood += from_client(kFin | 9, std::to_string(i));
      pongs += from_server(kFin | 10, std::to_string(i));
    }
    CHECK(endpoint.receive(as_bytes(flood)));
    CHECK(endpoint.take_output() == pongs);
  }
}

}  // namespace drover::websocket
