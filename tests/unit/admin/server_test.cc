// The admin server over loopback sockets: answers, limits, hostile clients, stopping.
#include "admin/server.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pools.h"

namespace drover::admin {

namespace {

constexpr Timeouts kPatient{.request = Milliseconds(60'000), .linger = Milliseconds(60'000)};

proxy::SessionPage page_of(std::size_t count) {
  proxy::SessionPage page;
  for (std::size_t i = 0; i < count; ++i) {
    page.sessions.emplace_back();
    page.sessions.back().path = std::string(512, 'x');
  }
  return page;
}

// A server on a loop and thread of its own.
class Running {
 public:
  explicit Running(const Timeouts& timeouts = kPatient, Surface surface = Surface::kAdmin) {
    Access access;
    access.surface = surface;
    Source source = serving({make_pool("chat", {backend})});
    source.list_sessions = [this](const auto&, const auto& done) {
      if (sessions > 0) return done(page_of(sessions));
      asked.push_back(done);
    };
    server_ = std::make_unique<Server>(loop_, source, access, timeouts);
    const auto bound = server_->listen(*net::Address::from_literal("127.0.0.1", 0));
    REQUIRE(bound);
    address = *bound;
    REQUIRE(address.port() != 0);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Running() {
    on_loop([this] { server_.reset(); });
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }
  void on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  Server& server() { return *server_; }
  void wait_until_asked(std::size_t count) {
    for (bool done = false; !done;) {
      on_loop([&] { done = asked.size() == count; });
    }
  }

  net::Address address;
  const std::shared_ptr<balancer::Backend> backend = make_backend("web-1");
  std::size_t sessions = 0;  // that a listing has; with none nobody answers it
  // Who waits for a listing. The loop's.
  std::vector<std::function<void(proxy::SessionPage)>> asked;

 private:
  net::Loop loop_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(const net::Address& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 20, .tv_usec = 0};  // a test that fails ends
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    connected_ = ::connect(fd_, address.raw(), address.raw_size()) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  template <class Value>
  void set(int option, const Value& value) {
    ::setsockopt(fd_, SOL_SOCKET, option, &value, sizeof(value));
  }
  void finish() { ::shutdown(fd_, SHUT_WR); }
  std::string read(std::size_t size) {
    std::string text(size, '\0');
    const ssize_t got = ::recv(fd_, text.data(), size, MSG_WAITALL);
    return text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  // Until the server's FIN; `error_number` is 0 then, and says what went wrong otherwise.
  std::string read_all() {
    std::string text;
    char buffer[4096];
    while (true) {
      const ssize_t got = ::recv(fd_, buffer, sizeof(buffer), 0);
      error_number = got < 0 ? errno : 0;
      if (got <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  int error_number = 0;

 private:
  int fd_;
  bool connected_ = false;
};

constexpr std::string_view kList = "GET /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::string_view kReady = "GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::string post_head(std::string_view headers) {
  return "POST /api/v1/backends/chat/web-1/load HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) + "\r\n";
}

std::string ask(const net::Address& address, std::string_view request) {
  Client client(address);
  REQUIRE(client.connected());
  REQUIRE(client.send(request));
  return client.read_all();
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

TEST_CASE("an answer that has to be waited for comes, to a client that has ended its side too") {
  Running running;
  Client waiting(running.address);
  Client finished(running.address);
  REQUIRE(waiting.send(kList));
  running.wait_until_asked(1);
  REQUIRE(finished.send(kList));
  finished.finish();
  running.wait_until_asked(2);
  CHECK(ask(running.address, kReady).ends_with("{\"ready\":true}\n"));  // nobody else waits
  running.on_loop([&running] {
    for (const auto& done : running.asked) done(page_of(1));
  });
  for (auto* client : {&waiting, &finished}) {
    const auto answer = client->read_all();
    CHECK(client->error_number == 0);
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.ends_with("\"cursor\":null}\n"));
  }
}

TEST_CASE("workers that do not answer are a 504 in time, and too late is no harm") {
  Running running({.request = Milliseconds(60'000), .workers = Milliseconds(100), .linger = Milliseconds(60'000)});
  Client client(running.address);
  REQUIRE(client.send(kList));
  const auto answer = client.read_all();
  CHECK(answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"));
  CHECK(answer.ends_with("{\"error\":\"the workers were asked for this and have not answered in time\"}\n"));
  running.on_loop([&running] { running.asked.front()(page_of(1)); });
  CHECK(client.read_all().empty());
  Client head(running.address);
  REQUIRE(head.send("HEAD" + std::string(kList.substr(3))));
  CHECK(head.read_all().ends_with("\r\n\r\n"));
}

TEST_CASE("an answer to a client that is gone, or of a server that is, does no harm") {
  std::vector<std::function<void(proxy::SessionPage)>> late;
  {
    Running running;
    {
      Client going(running.address);
      REQUIRE(going.send(kList));
      running.wait_until_asked(1);
      const linger at_once{.l_onoff = 1, .l_linger = 0};  // a reset
      going.set(SO_LINGER, at_once);
    }
    Client staying(running.address);
    REQUIRE(staying.send(kList));
    running.wait_until_asked(2);
    running.on_loop([&running] { running.asked.front()(page_of(1)); });
    running.on_loop([&] {
      running.server().stop();
      late = running.asked;
    });
    CHECK(staying.read_all().empty());
    running.on_loop([&late] { late.back()(page_of(1)); });
  }
  for (const auto& done : late) done(page_of(1));
}

TEST_CASE("a large answer reaches who reads it, and is dropped in time for who does not") {
  constexpr std::size_t kSessions = 10'000;  // 7 MB: more than the kernel takes for a client that does not read
  Running running({.request = Milliseconds(60'000), .delivery = Milliseconds(500), .linger = Milliseconds(60'000)});
  running.sessions = kSessions;
  std::vector<std::unique_ptr<Client>> deaf;
  for (int i = 0; i < 4; ++i) {
    deaf.push_back(std::make_unique<Client>(running.address));
    const int small = 4096;
    deaf.back()->set(SO_RCVBUF, small);
    REQUIRE(deaf.back()->send(kList));
  }
  Client reading(running.address);
  REQUIRE(reading.send(kList));
  const auto answer = reading.read_all();
  CHECK(reading.error_number == 0);
  CHECK(answer.size() > kSessions * 700);
  CHECK(answer.ends_with("\"cursor\":null}\n"));
  for (const auto& client : deaf) {
    while (client->send("x")) std::this_thread::yield();  // ends with the reset, long before the linger time
    CHECK(client->read_all().size() < answer.size());
  }
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
