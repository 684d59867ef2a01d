// The admin server over loopback sockets: answers, limits, hostile clients, stopping.
#include "admin/server.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "running_server.h"

namespace drover::admin {

namespace {

std::string post_head(std::string_view headers) {
  return "POST /api/v1/backends/chat/web-1/load HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) + "\r\n";
}

}  // namespace

TEST_CASE("a request is answered, and the server ends the connection in order") {
  Running running;
  Client client(running.address);
  REQUIRE(client.send(kReady));
  const auto answer = client.read_all();
  CHECK(client.error_number == 0);
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.ends_with("{\"ready\":true}\n"));
}

TEST_CASE("a head may come in pieces, and what comes behind it is thrown away") {
  Running running;
  Client client(running.address);
  for (const char c : kReady) REQUIRE(client.send(std::string_view(&c, 1)));
  client.send(std::string(1024 * 1024, 'x'));  // unread, it would reset the connection and lose the answer
  client.send(kReady);
  const auto answer = client.read_all();
  CHECK(client.error_number == 0);
  CHECK(answer.ends_with("{\"ready\":true}\n"));
  CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);  // one request a connection
}

TEST_CASE("what is no request gets its status") {
  Running running;
  CHECK(ask(running.address, "GARBAGE\r\n\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(ask(running.address, "GET /health HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(ask(running.address, "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n").starts_with("HTTP/1.1 403 "));
  CHECK(ask(running.address, "GET /" + std::string(3000, 'x') + " HTTP/1.1\r\n").starts_with("HTTP/1.1 414 "));
  const auto large = "GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(9000, 'x') + "\r\n\r\n";
  CHECK(ask(running.address, large).starts_with("HTTP/1.1 431 "));
}

TEST_CASE("a head that does not come in time is 408, and silence is cut") {
  Running running({.request = Milliseconds(100), .linger = Milliseconds(100)});
  CHECK(ask(running.address, "GET /health HTT").starts_with("HTTP/1.1 408 "));
  Client silent(running.address);
  CHECK(silent.read_all().empty());
  CHECK(silent.error_number == 0);
}

TEST_CASE("a body may come in pieces, and what comes behind it is thrown away") {
  Running running;
  const std::string body = R"({"cpu_usage":0.25})";
  const std::string request = post_head("Content-Length: " + std::to_string(body.size()) + "\r\n") + body;
  for (const std::size_t piece : {1UL, 7UL, request.size() - 1, request.size()}) {
    CAPTURE(piece);
    Client client(running.address);
    for (std::size_t at = 0; at < request.size(); at += piece) {
      REQUIRE(client.send(std::string_view(request).substr(at, piece)));
      std::this_thread::yield();
    }
    client.send("garbage\r\n\r\n" + std::string(1024 * 1024, 'x'));
    const auto answer = client.read_all();
    CHECK(client.error_number == 0);
    CHECK(answer.ends_with("\r\n\r\n{\"taken\":{\"cpu\":0.25},\"ignored\":0}\n"));
    CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
  }
  const auto cpu = running.backend->load().cpu.last();
  REQUIRE(cpu);
  CHECK(monotonic_now() - cpu->at < Milliseconds(60'000));
}

TEST_CASE("a body is taken up to 64 KiB, and refused unread beyond") {
  Running running;
  std::string body = R"({"cpu_usage":0.25})";
  body.resize(Endpoints::kMaxBody, ' ');
  CHECK(ask(running.address, post_head("Content-Length: 65536\r\n") + body).starts_with("HTTP/1.1 200 "));
  // The answer comes without the body.
  CHECK(ask(running.address, post_head("Content-Length: 65537\r\n")).starts_with("HTTP/1.1 413 "));
  CHECK(ask(running.address, post_head("Content-Length: 18446744073709551615\r\n")).starts_with("HTTP/1.1 413 "));
  // Neither is the connection reset over a body that is sent all the same.
  Client stubborn(running.address);
  REQUIRE(stubborn.send(post_head("Content-Length: 1048576\r\n")));
  stubborn.send(std::string(1048576, 'x'));
  CHECK(stubborn.read_all().starts_with("HTTP/1.1 413 "));
  CHECK(stubborn.error_number == 0);
}

TEST_CASE("a body without length is refused") {
  Running running;
  CHECK(ask(running.address, post_head("")).starts_with("HTTP/1.1 400 "));
  const auto chunked = ask(running.address, post_head("Transfer-Encoding: chunked\r\n") + "2\r\n{}\r\n0\r\n\r\n");
  CHECK(chunked.starts_with("HTTP/1.1 411 Length Required\r\n"));
  for (const char* bad :
       {"Content-Length: x\r\n", "Content-Length: -1\r\n", "Content-Length: 2, 2\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"}) {
    CAPTURE(bad);
    CHECK(ask(running.address, post_head(bad) + "{}").starts_with("HTTP/1.1 400 "));
  }
}

TEST_CASE("who waits to be told before sending the body is told") {
  Running running;
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string body = R"({"cpu_usage":0.25})";
  const std::string expecting = "Expect: 100-Continue\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  Client waiting(running.address);
  REQUIRE(waiting.send(post_head(expecting)));
  CHECK(waiting.read(kContinue.size()) == kContinue);
  REQUIRE(waiting.send(body));
  CHECK(waiting.read_all().starts_with("HTTP/1.1 200 "));
  // Not where there is nothing to wait for: the body is here, there is none, or it is not wanted.
  CHECK(ask(running.address, post_head(expecting) + body).starts_with("HTTP/1.1 200 "));
  CHECK(ask(running.address, post_head("Expect: 100-continue\r\n")).starts_with("HTTP/1.1 400 "));
  const auto large = post_head("Expect: 100-continue\r\nContent-Length: 100000\r\n");
  CHECK(ask(running.address, large).starts_with("HTTP/1.1 413 "));
}

TEST_CASE("a body that does not come in time is 408, one that ends too early is nothing") {
  Running running({.request = Milliseconds(100), .linger = Milliseconds(60'000)});
  CHECK(ask(running.address, post_head("Content-Length: 18\r\n") + "{\"cpu").starts_with("HTTP/1.1 408 "));
  CHECK(ask(running.address, post_head("Content-Length: 18\r\n")).starts_with("HTTP/1.1 408 "));
  Running patient;
  Client leaving(patient.address);
  REQUIRE(leaving.send(post_head("Content-Length: 18\r\n") + "{\"cpu"));
  leaving.finish();
  CHECK(leaving.read_all().empty());
  CHECK(!patient.backend->load().cpu.last());
}

TEST_CASE("dripping does not move the deadline") {
  Running running({.request = Milliseconds(200), .linger = Milliseconds(60'000)});
  Client client(running.address);
  REQUIRE(client.send("GET /health HTTP/1.1\r\nX: "));
  std::thread dripping([&client] {
    for (int i = 0; i < 4000 && client.send("x"); ++i) std::this_thread::yield();
  });
  const auto answer = client.read_all();
  dripping.join();
  CHECK(answer.starts_with("HTTP/1.1 4"));  // 408; 431 where the drops came fast
}

TEST_CASE("a client that never closes is cut after the linger time") {
  Running running({.request = Milliseconds(60'000), .linger = Milliseconds(100)});
  Client client(running.address);
  REQUIRE(client.send(kReady));
  CHECK(client.read_all().ends_with("{\"ready\":true}\n"));
  while (client.send("x")) std::this_thread::yield();  // ends with the reset
}

TEST_CASE("a server of probes has nothing but what is open, under any name") {
  Running running(kPatient, Surface::kProbes);
  const auto status = [&running](const std::string& line, const std::string& headers = "Host: drover.internal\r\n") {
    return ask(running.address, line + " HTTP/1.1\r\n" + headers + "\r\n").substr(9, 3);
  };
  CHECK(status("GET /ready") == "200");
  CHECK(status("HEAD /health") == "200");
  CHECK(status("GET /ready", "Host: drover.internal\r\nOrigin: http://evil.example\r\n") == "200");
  CHECK(status("POST /ready") == "405");
  CHECK(status("GET /api/v1/backends") == "404");
  CHECK(status("POST /api/v1/backends/chat/web-1/load") == "404");
}

TEST_CASE("a crowd of silent connections keeps nobody out") {
  Running running;
  std::vector<std::unique_ptr<Client>> crowd;
  for (std::size_t i = 0; i < 2 * Server::kMaxConnections; ++i) {
    crowd.push_back(std::make_unique<Client>(running.address));
    REQUIRE(crowd.back()->connected());
  }
  CHECK(ask(running.address, kReady).ends_with("{\"ready\":true}\n"));
  // The oldest were cut for those that came behind them; the youngest are still welcome.
  CHECK(crowd.front()->read_all().empty());
  CHECK(crowd.front()->error_number == 0);
  REQUIRE(crowd.back()->send(kReady));
  CHECK(crowd.back()->read_all().ends_with("{\"ready\":true}\n"));
}

TEST_CASE("a client that goes at any moment does no harm") {
  Running running;
  for (std::size_t size = 0; size <= kReady.size(); ++size) {
    Client client(running.address);
    REQUIRE(client.send(kReady.substr(0, size)));
  }
  CHECK(ask(running.address, kReady).ends_with("{\"ready\":true}\n"));
}

TEST_CASE("stop cuts what is open and accepts no more") {
  Running running;
  Client open(running.address);
  REQUIRE(open.send("GET /rea"));
  CHECK(ask(running.address, kReady).ends_with("{\"ready\":true}\n"));  // `open` has been accepted before this one
  running.on_loop([&running] { running.server().stop(); });
  CHECK(open.read_all().empty());
  CHECK(open.error_number != EAGAIN);
  CHECK(!Client(running.address).connected());
}

TEST_CASE("an address that is taken is an error") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = *net::Address::from_literal("127.0.0.1", 0);
  REQUIRE(::bind(fd, address.raw(), address.raw_size()) == 0);
  REQUIRE(::listen(fd, 1) == 0);
  sockaddr_in bound{};
  socklen_t size = sizeof(bound);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  net::Loop loop;
  Server server(loop, Source{}, Access{});
  const auto listening = server.listen(net::Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound)));
  REQUIRE(!listening);
  CHECK(listening.error().code == Code::kAddress);
  ::close(fd);
}

}  // namespace drover::admin
