// What is kept of answers, and when the next question comes; the resolver is the test's own, the loop real.
#include "health/name_book.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

namespace drover::health {

namespace {

using namespace std::chrono_literals;
using Outcome = FamilyAnswer::Outcome;

FamilyAnswer some(const std::vector<std::string>& addresses, Milliseconds ttl = 1h) {
  FamilyAnswer answer{.outcome = Outcome::kAddresses, .addresses = {}, .ttl = ttl, .reason = ""};
  for (const auto& address : addresses) answer.addresses.push_back(*net::Address::from_literal(address, 0));
  return answer;
}
FamilyAnswer none() {
  return {.outcome = Outcome::kNone, .addresses = {}, .ttl = 0ms, .reason = "no such name"};
}
FamilyAnswer failed() {
  return {.outcome = Outcome::kFailed, .addresses = {}, .ttl = 0ms, .reason = "timeout"};
}

// Answers when it is told to.
class Oracle final : public Resolver {
 public:
  void resolve(const std::string& name, Done done) override { asked.push_back({name, std::move(done)}); }
  struct Question {
    std::string name;
    Done done;
  };
  std::vector<Question> asked;
};

struct Fixture {
  explicit Fixture(const std::map<std::string, Milliseconds>& names) { book.keep(names); }

  // Answers the last question.
  void answer(const FamilyAnswer& ipv4, const FamilyAnswer& ipv6) { oracle->asked.back().done({ipv4, ipv6}); }
  std::string texts(const std::string& name) {
    std::string all;
    const auto known = book.addresses();
    if (const auto found = known.find(name); found != known.end()) {
      for (const auto& address : found->second) all += address.ip_text() + " ";
    }
    return all;
  }

  net::Loop loop;
  Oracle* oracle = new Oracle;
  int changes = 0;
  NameBook book{loop, std::unique_ptr<Resolver>(oracle), [this] { ++changes; }};
};

}  // namespace

TEST_CASE("both families of an answer are the name's addresses, and a change is told once") {
  Fixture it({{"web", 5s}});
  CHECK(!it.book.all_asked());
  it.answer(some({"10.0.0.1", "10.0.0.2"}), some({"::1"}));
  CHECK(it.book.all_asked());
  CHECK(it.texts("web") == "10.0.0.1 10.0.0.2 ::1 ");
  CHECK(it.changes == 1);
  it.answer(some({"10.0.0.1", "10.0.0.2"}), some({"::1"}));
  CHECK(it.changes == 1);
  it.answer(some({"10.0.0.2", "10.0.0.3"}), none());
  CHECK(it.texts("web") == "10.0.0.2 10.0.0.3 ");
  CHECK(it.changes == 2);
}

TEST_CASE("failures and empty answers keep the last, each family its own") {
  Fixture it({{"web", 5s}});
  it.answer(some({"10.0.0.1"}), some({"::1"}));
  it.answer(failed(), failed());
  it.answer(none(), none());
  it.answer(none(), failed());
  it.answer(failed(), none());
  CHECK(it.texts("web") == "10.0.0.1 ::1 ");
  CHECK(it.changes == 1);
  it.answer(failed(), some({"::2"}));
  CHECK(it.texts("web") == "10.0.0.1 ::2 ");
  it.answer(some({"10.0.0.9"}), failed());
  CHECK(it.texts("web") == "10.0.0.9 ::2 ");
}

TEST_CASE("a name that nobody knows has no addresses, but it has been asked") {
  Fixture it({{"web", 5s}, {"chat", 5s}});
  REQUIRE(it.oracle->asked.size() == 2);
  it.oracle->asked[0].done({none(), none()});
  CHECK(!it.book.all_asked());
  it.oracle->asked[1].done({failed(), failed()});
  CHECK(it.book.all_asked());
  CHECK(it.book.addresses().empty());
  CHECK(it.changes == 0);
}

TEST_CASE("the next question comes after the shorter of TTL and interval, and never within a second") {
  struct Case {
    Milliseconds interval, ttl, expected;
  };
  for (const auto& [interval, ttl, expected] :
       {Case{2s, 1h, 2s}, Case{1h, 2s, 2s}, Case{1h, 0s, 1s}, Case{1ms, 1ms, 1s}}) {
    Fixture it({{"web", interval}});
    it.answer(some({"10.0.0.1"}, ttl), none());
    const auto answered = it.loop.now();
    while (it.oracle->asked.size() == 1) it.loop.turn(net::Loop::Patience::kUntilSomething);
    const auto waited = it.loop.now() - answered;
    CHECK(waited >= expected);
    CHECK(waited < expected + 10s);  // the other one of the two is an hour
  }
}

TEST_CASE("while nothing is known it is asked every second") {
  Fixture it({{"web", 1h}});
  it.answer(failed(), failed());
  const auto answered = it.loop.now();
  while (it.oracle->asked.size() == 1) it.loop.turn(net::Loop::Patience::kUntilSomething);
  CHECK(it.loop.now() - answered < 1min);
}

TEST_CASE("other names are kept from then on: the new ones are asked, and what is known of the others stays") {
  Fixture it({{"a.test", 1h}, {"b.test", 1h}});
  it.answer(some({"10.0.0.2"}), none());  // of b.test
  const auto late = it.oracle->asked.front().done;
  it.book.keep({{"b.test", 1h}, {"c.test", 1h}});
  REQUIRE(it.oracle->asked.size() == 3);
  CHECK(it.oracle->asked.back().name == "c.test");
  late({some({"10.0.0.1"}), none()});  // nobody wants it any more
  CHECK(it.changes == 1);
  CHECK(it.texts("a.test").empty());
  CHECK(it.texts("b.test") == "10.0.0.2 ");
  CHECK(!it.book.all_asked());
  it.book.keep({{"b.test", 30min}});  // a shorter interval: the next question is due earlier
  CHECK(it.oracle->asked.back().name == "b.test");
  CHECK(it.oracle->asked.size() == 4);
}

TEST_CASE("another resolver is asked at once for every name, and what is known stays until it answers") {
  Fixture it({{"a.test", 1h}});
  it.answer(some({"10.0.0.1"}), none());
  auto* const other = new Oracle;
  it.book.ask(std::unique_ptr<Resolver>(other));
  REQUIRE(other->asked.size() == 1);
  CHECK(it.texts("a.test") == "10.0.0.1 ");
  other->asked[0].done({some({"10.0.0.9"}), none()});
  CHECK(it.texts("a.test") == "10.0.0.9 ");
  CHECK(it.changes == 2);
}

}  // namespace drover::health
