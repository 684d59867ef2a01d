#include "bench/load/echo_server.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "bench/load/client.h"
#include "unit/net/driving.h"

namespace drover::bench {

namespace {

// Clients of a server on the same loop, and all that they say.
class Conversation final : public Client::Owner {
 public:
  Conversation(std::string path, unsigned sources)
      : server_(loop_),
        wire_{.target = {},
              .path = std::move(path),
              .sources = sources,
              .encryption = nullptr,
              .shape = MessageShape(64),
              .outgoing = {}} {
    const auto listening = server_.listen(*net::Address::from_literal("127.0.0.1", 0));
    REQUIRE(listening);
    wire_.target = *listening;
  }
  ~Conversation() {
    for (const auto& client : clients_) client->abort();
    server_.stop();
    net::run_some(loop_);
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  Client& add() {
    clients_.push_back(std::make_unique<Client>(loop_, wire_, *this, static_cast<unsigned>(clients_.size())));
    return *clients_.back();
  }
  void until(const std::function<bool()>& happened) { net::run_until(loop_, happened); }
  net::Loop& loop() { return loop_; }
  Wire& wire() { return wire_; }

  unsigned open = 0;
  std::vector<std::pair<unsigned, std::uint64_t>> heard;  // by which client, which number
  std::vector<std::string> ends;
  std::function<void(Client&)> on_heard;

 private:
  void on_open(Client&) override { ++open; }
  void on_message(Client& client, const Stamp& stamp) override {
    heard.emplace_back(client.index(), stamp.number);
    if (on_heard) on_heard(client);
  }
  void on_end(Client&, const std::string& failure) override { ends.push_back(failure); }

  net::Loop loop_;
  EchoServer server_;
  Wire wire_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace

TEST_CASE("a message comes back, a Close is answered, and the connection can be opened again") {
  Conversation conversation("/", 3);
  Client& client = conversation.add();
  for (unsigned round = 1; round <= 2; ++round) {
    client.open();
    conversation.until([&] { return conversation.open == round; });
    client.send({.nanoseconds = 0, .number = round});
    conversation.until([&] { return conversation.heard.size() == round; });
    CHECK(conversation.heard.back() == std::pair{0U, std::uint64_t{round}});
    client.close();
    conversation.until([&] { return conversation.ends.size() == round; });
    CHECK(conversation.ends.back().empty());
  }
}

TEST_CASE("on /fanout everybody hears what one says") {
  Conversation conversation("/fanout", 0);
  Client& first = conversation.add();
  Client& second = conversation.add();
  first.open();
  second.open();
  conversation.until([&] { return conversation.open == 2; });
  second.send({.nanoseconds = 0, .number = 5});
  conversation.until([&] { return conversation.heard.size() == 2; });
  std::ranges::sort(conversation.heard);
  CHECK(conversation.heard[0] == std::pair{0U, std::uint64_t{5}});
  CHECK(conversation.heard[1] == std::pair{1U, std::uint64_t{5}});
}

TEST_CASE("a client that speaks while another one is being read goes out as itself") {
  Conversation conversation("/", 0);
  Client& first = conversation.add();
  Client& second = conversation.add();
  first.open();
  second.open();
  conversation.until([&] { return conversation.open == 2; });
  conversation.on_heard = [&](Client& client) {
    if (&client != &first || conversation.heard.size() > 1) return;
    first.send({.nanoseconds = 0, .number = 2});
    second.send({.nanoseconds = 0, .number = 3});
  };
  first.send({.nanoseconds = 0, .number = 1});
  conversation.until([&] { return conversation.heard.size() == 3; });
  std::ranges::sort(conversation.heard);
  CHECK(conversation.heard == decltype(conversation.heard){{0, 1}, {0, 2}, {1, 3}});
}

TEST_CASE("a server that is not there is a failure with a reason") {
  Conversation conversation("/", 0);
  Client& client = conversation.add();
  conversation.wire().target.set_port(1);
  client.open();
  conversation.until([&] { return conversation.ends.size() == 1; });
  CHECK_FALSE(conversation.ends[0].empty());
  CHECK(conversation.open == 0);
}

}  // namespace drover::bench
