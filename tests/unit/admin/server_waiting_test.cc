// Answers that the workers give later, and answers that take their time to be read.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "running_server.h"

namespace drover::admin {

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
  Running running({.request = Milliseconds(60'000), .delivery = Milliseconds(6'000), .linger = Milliseconds(60'000)});
  running.sessions = kSessions;
  std::vector<std::unique_ptr<Client>> deaf;
  for (int i = 0; i < 4; ++i) {
    deaf.push_back(std::make_unique<Client>(running.address));
    const int small = 4096;
    deaf.back()->set(SO_RCVBUF, small);
    REQUIRE(deaf.back()->send(kList));
    // Its time runs from the turn in which the answer is made, and a slow machine may need a good part of that.
    REQUIRE(deaf.back()->read(1) == "H");
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

}  // namespace drover::admin
