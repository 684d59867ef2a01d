// The demo backends over loopback: handshake, echo, whoami, visits, handoffs, backpressure, dying and stopping.
#include "app/demo.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace drover::app {

namespace {

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
  void send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  std::string read(std::size_t size) const {
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      const ssize_t got = ::recv(fd_, text.data() + have, size - have, 0);
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
  }
  std::string read_head() const {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const auto next = read(1);
      if (next.empty()) break;
      head += next;
    }
    return head;
  }
  // A frame of a server's: its first byte and its payload.
  std::pair<unsigned char, std::string> read_frame() const {
    const auto head = read(2);
    if (head.size() < 2) return {};
    std::size_t size = static_cast<unsigned char>(head[1]);
    if (size > 125) {
      const auto longer = read(size == 126 ? 2 : 8);
      size = 0;
      for (const char c : longer) size = size << 8 | static_cast<unsigned char>(c);
    }
    return {static_cast<unsigned char>(head[0]), read(size)};
  }
  nlohmann::json read_json() const {
    const auto text = read_frame().second;
    CAPTURE(text);
    return nlohmann::json::parse(text, nullptr, false);
  }
  // With a masking key of zeros: the payload stands as it is.
  void send_frame(unsigned char first, std::string_view payload) const {
    std::string frame(1, static_cast<char>(first));
    if (payload.size() <= 125) {
      frame.push_back(static_cast<char>(0x80 | payload.size()));
    } else {
      const bool short_enough = payload.size() <= 0xffff;
      frame.push_back(static_cast<char>(short_enough ? 0xfe : 0xff));
      for (int shift = short_enough ? 8 : 56; shift >= 0; shift -= 8)
        frame.push_back(static_cast<char>(payload.size() >> shift & 0xff));
    }
    send(frame.append(4, '\0').append(payload));
  }

 private:
  int fd_;
  bool connected_ = false;
};

constexpr std::string_view kUpgrade =
    "GET /room/7?x=1 HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const std::string kKey = "0123456789abcdef0123456789abcdef";
const std::string kHandoff = "X-Drover-Handoff: v1; key=" + kKey + "\r\n";

std::string leave() {
  return R"({"drover":"leave","key":")" + kKey + "\"}";
}

// What the page's socket asks for.
std::string visit(const std::string& lines) {
  return "GET /demo" + std::string(kUpgrade.substr(kUpgrade.find(" HTTP"))) + lines + "\r\n";
}

struct Running {
  Running() { REQUIRE(backends.start()); }
  DemoBackends backends;
  const net::Address& address(std::size_t index = 0) const { return backends.addresses().at(index); }
};

}  // namespace

TEST_CASE("there are two, on loopback ports of their own") {
  const Running running;
  REQUIRE(running.backends.addresses().size() == 2);
  CHECK(running.address(0).is_loopback());
  CHECK(running.address(0).port() != running.address(1).port());
}

TEST_CASE("an upgrade is answered, with the first subprotocol that was offered") {
  const Running running;
  const Client client(running.address());
  client.send(std::string(kUpgrade) + "Sec-WebSocket-Protocol: mqtt, graphql-ws\r\n\r\n");
  const auto head = client.read_head();
  CHECK(head.starts_with("HTTP/1.1 101 "));
  CHECK(head.find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != std::string::npos);
  CHECK(head.find("\r\nSec-WebSocket-Protocol: mqtt\r\n") != std::string::npos);
}

TEST_CASE("messages are echoed with their opcode, frames right behind the head too") {
  const Running running;
  const Client client(running.address());
  client.send(std::string(kUpgrade) + "\r\n" + std::string("\x81\x85\0\0\0\0hello", 11));
  CHECK(client.read_head().find("Sec-WebSocket-Protocol") == std::string::npos);
  CHECK(client.read_frame() == std::pair<unsigned char, std::string>(0x81, "hello"));
  const std::string binary(200'000, '\xfe');
  client.send_frame(0x82, binary);
  CHECK(client.read_frame() == std::pair<unsigned char, std::string>(0x82, binary));
  client.send_frame(0x82, "whoami");  // binary: no question
  CHECK(client.read_frame() == std::pair<unsigned char, std::string>(0x82, "whoami"));
  client.send_frame(0x88, "\x03\xe8");
  CHECK(client.read_frame().first == 0x88);
  CHECK(client.read(1).empty());
}

TEST_CASE("whoami is answered with name, path and headers") {
  const Running running;
  for (std::size_t index = 0; index < 2; ++index) {
    const Client client(running.address(index));
    client.send(std::string(kUpgrade) + "X-Shown: a\r\nx-shown: \"b\"\xff\r\n\r\n");
    client.read_head();
    client.send_frame(0x81, "whoami");
    const auto answer = nlohmann::json::parse(client.read_frame().second);
    CHECK(answer["name"] == "demo-" + std::to_string(index + 1));
    CHECK(answer["path"] == "/room/7?x=1");
    CHECK(answer["headers"]["Host"] == "chat.example");
    CHECK(answer["headers"]["X-Shown"] == "a, \"b\"\xef\xbf\xbd");
    CHECK(answer["headers"].size() == 6);
  }
}

TEST_CASE("an ordinary request gets a sentence, a broken one its status, and both a FIN") {
  const Running running;
  const Client ordinary(running.address(1));
  ordinary.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = ordinary.read(100'000);
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.ends_with("\r\n\r\ndemo-2 echoes what it is told over a WebSocket.\n"));
  const Client broken(running.address());
  broken.send("GARBAGE\r\n\r\n");
  CHECK(broken.read(100'000).starts_with("HTTP/1.1 400 "));
}

TEST_CASE("an echo takes part in handoffs, and keeps their key to itself") {
  const Running running;
  const Client client(running.address());
  client.send(std::string(kUpgrade) + kHandoff + "\r\n");
  CHECK(client.read_head().find("\r\nX-Drover-Handoff: v1\r\n") != std::string::npos);
  client.send_frame(0x81, "whoami");
  const auto answer = nlohmann::json::parse(client.read_frame().second);
  CHECK(answer["headers"]["X-Drover-Handoff"] == "v1");
  client.send_frame(0x81, "hello");
  client.send_frame(0x81, leave());
  client.send_frame(0x81, "too late");
  CHECK(client.read_frame().second == "hello");
  CHECK(client.read_frame().second == R"({"drover":"left","key":"0123456789abcdef0123456789abcdef","state":null})");
  client.send_frame(0x88, "\x03\xe9");
  CHECK(client.read_frame().first == 0x88);  // and nothing before it
}

TEST_CASE("who is not asked by Drover echoes what looks like Drover's, and answers no such header") {
  const Running running;
  const Client client(running.address());
  client.send(std::string(kUpgrade) + "\r\n");
  CHECK(client.read_head().find("Handoff") == std::string::npos);
  client.send_frame(0x81, leave());
  CHECK(client.read_frame().second == leave());
}

TEST_CASE("a visit is carried from one backend to the other") {
  const Running running;
  const Client one(running.address(0));
  one.send(visit(kHandoff));
  one.read_head();
  CHECK(one.read_json()["hello"] == "demo-1");
  one.send_frame(0x81, R"({"tick":1})");
  CHECK(one.read_json()["count"] == 1);
  one.send_frame(0x81, leave());
  const auto left = one.read_json();
  CHECK(left["drover"] == "left");

  const Client two(running.address(1));
  two.send(visit(kHandoff + "X-Drover-Resumed: 1\r\n"));
  two.read_head();
  two.send_frame(0x81, R"({"tick":2})");  // before its enter nobody is heard
  two.send_frame(0x81,
                 R"({"drover":"enter","key":")" + kKey + R"(","why":"left","state":)" + left["state"].dump() + "}");
  const auto hello = two.read_json();
  CHECK(hello["hello"] == "demo-2");
  CHECK(hello["count"] == 1);
  two.send_frame(0x81, R"({"tick":3})");
  CHECK(two.read_json() == nlohmann::json::parse(R"({"tick":3,"count":2,"backend":"demo-2"})"));
}

TEST_CASE("visits come from the demo's own page, or from no browser") {
  const Running running;
  const auto status = [&running](const std::string& host, const std::string& origin) {
    const Client client(running.address());
    client.send("GET /demo HTTP/1.1\r\nHost: " + host + "\r\n" + (origin.empty() ? "" : "Origin: " + origin + "\r\n") +
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    return client.read_head().substr(9, 3);
  };
  CHECK(status("127.0.0.1:8080", "") == "101");
  CHECK(status("127.0.0.1:8080", "http://127.0.0.1:8080") == "101");
  CHECK(status("localhost", "http://localhost") == "101");
  CHECK(status("[::1]:8080", "http://[::1]:8080") == "101");
  CHECK(status("127.0.0.1:8080", "http://evil.example") == "403");
  CHECK(status("127.0.0.1:8080", "http://127.0.0.1:9000") == "403");        // another server's page
  CHECK(status("evil.example:8080", "http://evil.example:8080") == "403");  // a name that was made to mean 127.0.0.1
  CHECK(status("127.0.0.1:8080", "null") == "403");
}

TEST_CASE("a line is heard at both backends, and one that is killed cuts its connections alone and comes back") {
  Running running;
  const Client one(running.address(0));
  const Client two(running.address(1));
  for (const auto* client : {&one, &two}) {
    client->send(visit(""));
    client->read_head();
    client->read_frame();
  }
  one.send_frame(0x81, R"({"say":"hello"})");
  CHECK(one.read_json()["text"] == "hello");
  CHECK(two.read_json()["text"] == "hello");
  one.send_frame(0x81, R"({"kill":"demo-2"})");
  CHECK(two.read(1).empty());
  CHECK(!Client(running.address(1)).connected());
  one.send_frame(0x81, R"({"tick":1})");
  CHECK(one.read_json()["count"] == 1);
  const auto until = std::chrono::steady_clock::now() + 4 * DemoBackends::kAbsence;
  bool back = false;
  while (!back && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(Milliseconds(20));
    back = Client(running.address(1)).connected();
  }
  CHECK(back);
}

TEST_CASE("who does not read what others say is cut, and they go on") {
  const Running running;
  const Client speaker(running.address());
  const Client deaf(running.address());
  for (const auto* client : {&speaker, &deaf}) {
    client->send(visit(""));
    client->read_head();
  }
  speaker.read_frame();
  const auto line = R"({"say":")" + std::string(1'000, 'x') + "\"}";
  constexpr std::size_t kLines = 20'000;  // 20 MB: more than the kernel takes
  for (std::size_t i = 0; i < kLines; ++i) {
    speaker.send_frame(0x81, line);
    speaker.read_frame();
  }
  std::size_t heard = 0;
  while (!deaf.read_frame().second.empty()) ++heard;
  CHECK(heard < kLines);
}

TEST_CASE("buttons reach whoever stands before the backends, for those that there are") {
  Running running;
  std::mutex mutex;
  std::vector<std::string> asked;
  const auto note = [&](const char* what) {
    return [&mutex, &asked, what](const std::string& backend) {
      const std::scoped_lock lock(mutex);
      asked.push_back(what + backend);
    };
  };
  running.backends.serve_behind({.drain = note("drain "), .restore = note("restore "), .look = [](const auto& done) {
                                   done({{.name = "demo-1", .state = "ready", .sessions = 3}});
                                 }});
  const Client client(running.address());
  client.send(visit(""));
  client.read_head();
  client.read_frame();
  CHECK(client.read_json() ==
        nlohmann::json::parse(R"({"backends":[{"name":"demo-1","state":"ready","sessions":3}]})"));
  for (const char* button :
       {R"({"drain":"demo-3"})", R"({"drain":"demo-2"})", R"({"restore":"demo-2"})", R"({"tick":1})"})
    client.send_frame(0x81, button);
  CHECK(client.read_json()["count"] == 1);
  const std::scoped_lock lock(mutex);
  CHECK(asked == std::vector<std::string>{"drain demo-2", "restore demo-2"});
}

TEST_CASE("a client that writes for long before it reads gets everything, in order") {
  const Running running;
  const Client client(running.address());
  client.send(std::string(kUpgrade) + "\r\n");
  client.read_head();
  constexpr int kMessages = 400;
  const std::string bulk(100'000, '-');
  // 40 MB: far more than the kernel's buffers and the demo's queue hold, so the writer stands still until it is read.
  std::thread writer([&] {
    for (int i = 0; i < kMessages; ++i) client.send_frame(0x82, std::to_string(i) + bulk);
  });
  bool same = true;
  for (int i = 0; i < kMessages; ++i) same = same && client.read_frame().second == std::to_string(i) + bulk;
  writer.join();
  CHECK(same);
}

TEST_CASE("stopping cuts connections, frees the ports, and may be said twice") {
  Running running;
  const Client upgraded(running.address());
  upgraded.send(std::string(kUpgrade) + "\r\n");
  upgraded.read_head();
  const Client silent(running.address());
  running.backends.stop();
  running.backends.stop();
  CHECK(upgraded.read(1).empty());
  CHECK(!Client(running.address()).connected());
}

}  // namespace drover::app
