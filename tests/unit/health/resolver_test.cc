// The resolver against a name server on the same loop, whose answers are bytes of the test's own.
#include "health/resolver.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "name_server.h"
#include "unit/net/driving.h"

namespace drover::health {

namespace {

using net::run_some;
using net::run_until;
using Outcome = FamilyAnswer::Outcome;

// Short, but long enough for a busy machine: an answer on loopback takes no time.
ResolverOptions patient(Milliseconds timeout = Milliseconds(1'000), int tries = 3) {
  return {.timeout = timeout, .tries = tries, .resolv_conf = "/nonexistent"};  // no search domains
}

struct Fixture {
  explicit Fixture(const ResolverOptions& options = patient()) { remake(options); }
  void remake(const ResolverOptions& options) {
    auto made = Resolver::make(loop, {server.endpoint()}, options);
    REQUIRE(made);
    resolver = *std::move(made);
  }
  Answer resolve(const std::string& name) {
    std::optional<Answer> answer;
    resolver->resolve(name, [&](const Answer& got) {
      CHECK_FALSE(answer);
      answer = got;
    });
    CHECK_FALSE(answer);  // never from within
    run_until(loop, [&] { return answer.has_value(); });
    return *answer;
  }

  net::Loop loop;
  NameServer server{loop};
  std::unique_ptr<Resolver> resolver;
};

std::string texts(const FamilyAnswer& answer) {
  std::string text;
  for (const auto& address : answer.addresses) {
    CHECK(address.port() == 0);
    text += (text.empty() ? "" : " ") + address.ip_text();
  }
  return text;
}

void check_none(const FamilyAnswer& answer, const std::string& reason) {
  CHECK(answer.outcome == Outcome::kNone);
  CHECK(answer.addresses.empty());
  CHECK(answer.reason == reason);
}

void check_failed(const FamilyAnswer& answer, const std::string& reason) {
  CHECK(answer.outcome == Outcome::kFailed);
  CHECK(answer.addresses.empty());
  CHECK(answer.reason == reason);
}

}  // namespace

TEST_CASE("both families are asked for: addresses sorted, each once, and the smallest TTL") {
  Fixture fixture;
  auto& server = fixture.server;
  server.add("two.test", RecordType::kA, Record::a("two.test", "10.0.0.200", 300));
  server.add("two.test", RecordType::kA, Record::a("two.test", "10.0.0.7", 20));
  server.add("two.test", RecordType::kA, Record::a("two.test", "10.0.0.200", 60));
  server.add("two.test", RecordType::kAaaa, Record::aaaa("two.test", "fd00::2", 7));
  server.add("two.test", RecordType::kAaaa, Record::aaaa("two.test", "fd00::1", 8));
  const Answer answer = fixture.resolve("two.test");
  CHECK(answer.ipv4.outcome == Outcome::kAddresses);
  CHECK(texts(answer.ipv4) == "10.0.0.7 10.0.0.200");
  CHECK(answer.ipv4.ttl == std::chrono::seconds(20));
  CHECK(answer.ipv4.reason.empty());
  CHECK(answer.ipv6.outcome == Outcome::kAddresses);
  CHECK(texts(answer.ipv6) == "fd00::1 fd00::2");
  CHECK(answer.ipv6.ttl == std::chrono::seconds(7));
  CHECK(server.asked.size() == 2);
}

TEST_CASE("a TTL of 0 stays 0, and one with its highest bit set is not negative") {
  Fixture fixture;
  fixture.server.add("ttl.test", RecordType::kA, Record::a("ttl.test", "10.0.0.1", 0));
  fixture.server.add("ttl.test", RecordType::kAaaa, Record::aaaa("ttl.test", "fd00::1", 0x8000'0001));
  const Answer answer = fixture.resolve("ttl.test");
  CHECK(texts(answer.ipv4) == "10.0.0.1");
  CHECK(answer.ipv4.ttl == Milliseconds(0));
  CHECK(texts(answer.ipv6) == "fd00::1");
  CHECK(answer.ipv6.ttl >= Milliseconds(0));  // 0 as RFC 2181 section 8 has it; c-ares 1.34 caps it instead
}

TEST_CASE("an answer is not kept: the name server is asked each time") {
  Fixture fixture;
  fixture.server.add("again.test", RecordType::kA, Record::a("again.test", "10.0.0.1", 3600));
  fixture.resolve("again.test");
  fixture.server.add("again.test", RecordType::kA, Record::a("again.test", "10.0.0.2", 3600));
  CHECK(texts(fixture.resolve("again.test").ipv4) == "10.0.0.1 10.0.0.2");
  CHECK(fixture.server.asked.size() == 4);
}

TEST_CASE("a chain of CNAMEs is followed, and its TTLs count") {
  Fixture fixture;
  const Record alias = Record::cname("www.test", "edge.test", 5);
  const Record second = Record::cname("edge.test", "host.test", 90);
  for (const Record& record : {alias, second, Record::a("host.test", "10.1.0.1", 60)}) {
    fixture.server.add("www.test", RecordType::kA, record);
  }
  fixture.server.add("www.test", RecordType::kAaaa, alias);  // and no address behind it
  const Answer answer = fixture.resolve("www.test");
  CHECK(texts(answer.ipv4) == "10.1.0.1");
  CHECK(answer.ipv4.ttl == std::chrono::seconds(5));
  check_none(answer.ipv6, "no AAAA record");
}

TEST_CASE("a name that does not exist, and one without addresses, are none") {
  Fixture fixture;
  fixture.server.answer("gone.test", Rcode::kNoSuchName);
  const Answer gone = fixture.resolve("gone.test");
  check_none(gone.ipv4, "no such name");
  check_none(gone.ipv6, "no such name");
  const Answer empty = fixture.resolve("empty.test");
  check_none(empty.ipv4, "no A record");
  check_none(empty.ipv6, "no AAAA record");
}

TEST_CASE("one family may exist while the other fails") {
  Fixture fixture;
  fixture.server.answer("half.test", Rcode::kServerFailure);
  fixture.server.add("half.test", RecordType::kA, Record::a("half.test", "10.0.0.9", 30));
  const Answer answer = fixture.resolve("half.test");
  CHECK(texts(answer.ipv4) == "10.0.0.9");
  CHECK(answer.ipv6.outcome == Outcome::kFailed);
}

TEST_CASE("a name server that fails or refuses is a failure, not an absence") {
  Fixture fixture;
  for (const Rcode code : {Rcode::kServerFailure, Rcode::kRefused}) {
    fixture.server.answer("bad.test", code);
    const Answer answer = fixture.resolve("bad.test");
    CHECK(answer.ipv4.outcome == Outcome::kFailed);
    CHECK_FALSE(answer.ipv4.reason.empty());
    CHECK(answer.ipv6.outcome == Outcome::kFailed);
  }
}

TEST_CASE("a port where nobody listens is a failure, and its errors do not make the loop spin") {
  Fixture fixture;
  auto made = Resolver::make(fixture.loop, {{"127.0.0.1", 1, ""}}, patient(Milliseconds(100), 2));
  REQUIRE(made);
  fixture.resolver = *std::move(made);
  std::optional<Answer> answer;
  fixture.resolver->resolve("any.test", [&](const Answer& got) { answer = got; });
  int turns = 0;
  run_until(fixture.loop, [&] { return ++turns, answer.has_value(); });
  CHECK(turns < 100);
  // Which of the two hears that it was refused, and which only that nobody answered, is c-ares' matter.
  for (const FamilyAnswer* family : {&answer->ipv4, &answer->ipv6}) {
    CHECK(family->outcome == Outcome::kFailed);
    CHECK_FALSE(family->reason.empty());
  }
}

TEST_CASE("no answer: every try is made, then it is a timeout; other names do not wait for it") {
  Fixture fixture(patient(Milliseconds(200), 2));
  fixture.server.stay_silent("silent.test");
  fixture.server.add("quick.test", RecordType::kA, Record::a("quick.test", "10.0.0.1", 30));
  std::optional<Answer> silent;
  fixture.resolver->resolve("silent.test", [&](const Answer& answer) { silent = answer; });
  CHECK(texts(fixture.resolve("quick.test").ipv4) == "10.0.0.1");
  CHECK_FALSE(silent);
  run_until(fixture.loop, [&] { return silent.has_value(); });
  check_failed(silent->ipv4, "timeout");
  check_failed(silent->ipv6, "timeout");
  const auto tries = std::ranges::count_if(fixture.server.asked, [](const Asked& asked) {
    return asked.name == "silent.test" && asked.type == RecordType::kA;
  });
  CHECK(tries == 2);
}

TEST_CASE("a timeout needs nothing but time") {
  Fixture fixture(patient(Milliseconds(50), 1));
  fixture.server.stay_silent("silent.test");
  check_failed(fixture.resolve("silent.test").ipv4, "timeout");
}

TEST_CASE("garbage is no answer: not what is cut short, nor what belongs to another query") {
  Fixture fixture(patient(Milliseconds(200), 1));
  const auto cut = [](const Asked& asked) {
    const std::string whole = NameServer::message(asked, Rcode::kNoError, {Record::a(asked.name, "10.0.0.1", 30)});
    return whole.substr(0, whole.size() - 3);
  };
  const auto noise = [](const Asked&) { return std::string(40, '\xFF'); };
  const auto other = [](Asked asked) {
    asked.message[0] = static_cast<char>(asked.message[0] ^ 1);
    return NameServer::message(asked, Rcode::kNoError, {Record::a(asked.name, "10.0.0.1", 30)});
  };
  const auto tiny = [](const Asked&) { return std::string("x"); };
  for (const NameServer::Answering& how : {NameServer::Answering(cut), {noise}, {other}, {tiny}}) {
    fixture.server.answer("odd.test", how);
    const Answer answer = fixture.resolve("odd.test");
    CHECK(answer.ipv4.outcome == Outcome::kFailed);
    CHECK(answer.ipv6.outcome == Outcome::kFailed);
  }
}

TEST_CASE("addresses of the family that was not asked for are left out") {
  Fixture fixture;
  fixture.server.add("mixed.test", RecordType::kAaaa, Record::a("mixed.test", "10.0.0.1", 30));
  const Answer answer = fixture.resolve("mixed.test");
  check_none(answer.ipv6, "no AAAA record");
}

TEST_CASE("an answer that is truncated is fetched over TCP") {
  Fixture fixture;
  std::vector<Record> records;
  for (int i = 1; i <= 100; ++i) records.push_back(Record::a("big.test", "10.0.1." + std::to_string(i), 30));
  fixture.server.answer("big.test", [&](const Asked& asked) {
    if (!asked.tcp) return NameServer::message(asked, Rcode::kNoError, {}, NameServer::kTruncated);
    return NameServer::message(asked, Rcode::kNoError, asked.type == RecordType::kA ? records : std::vector<Record>());
  });
  const Answer answer = fixture.resolve("big.test");
  CHECK(answer.ipv4.addresses.size() == 100);
  check_none(answer.ipv6, "no AAAA record");
  CHECK(fixture.resolve("big.test").ipv4.addresses.size() == 100);  // on a connection of its own
}

TEST_CASE("the hosts file comes first, asks nobody, and answers from the loop") {
  Fixture fixture;
  const Answer answer = fixture.resolve("localhost");
  CHECK(answer.ipv4.outcome == Outcome::kAddresses);
  CHECK(answer.ipv4.ttl == kHostsFileTtl);
  for (const auto& address : answer.ipv4.addresses) CHECK(address.is_loopback());
  CHECK(answer.ipv6.outcome != Outcome::kFailed);  // whether "::1 localhost" is there is the machine's business
  run_some(fixture.loop);
  CHECK(fixture.server.asked.empty());
}

TEST_CASE("many names at once") {
  Fixture fixture;
  constexpr int kNames = 200;
  int right = 0;
  int answered = 0;
  for (int i = 0; i < kNames; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    const std::string ip = "10.2.0." + std::to_string(i);
    fixture.server.add(name, RecordType::kA, Record::a(name, ip, 30));
    fixture.resolver->resolve(name, [&right, &answered, ip](const Answer& answer) {
      ++answered;
      if (texts(answer.ipv4) == ip && answer.ipv6.outcome == Outcome::kNone) ++right;
    });
  }
  run_until(fixture.loop, [&] { return answered == kNames; });
  CHECK(right == kNames);
}

TEST_CASE("done may ask again, for the same name too") {
  Fixture fixture;
  fixture.server.add("again.test", RecordType::kA, Record::a("again.test", "10.0.0.1", 0));
  for (const std::string name : {"again.test", "localhost"}) {
    int left = 5;
    const Resolver::Done done = [&](const Answer& answer) {
      CHECK(answer.ipv4.outcome == Outcome::kAddresses);
      if (--left > 0) fixture.resolver->resolve(name, done);
    };
    fixture.resolver->resolve(name, done);
    run_until(fixture.loop, [&] { return left == 0; });
  }
}

TEST_CASE("a resolver that goes drops what is under way, and what is about to be handed out") {
  Fixture fixture;
  fixture.server.stay_silent("silent.test");
  fixture.server.add("quick.test", RecordType::kA, Record::a("quick.test", "10.0.0.1", 30));
  int answered = 0;
  const auto count = [&](const Answer&) { ++answered; };
  SUBCASE("before the loop has turned") {
    for (const char* name : {"silent.test", "quick.test", "localhost"}) fixture.resolver->resolve(name, count);
  }
  SUBCASE("while the server is silent") {
    fixture.resolver->resolve("silent.test", count);
    run_until(fixture.loop, [&] { return fixture.server.asked.size() == 2; });
  }
  SUBCASE("while a TCP connection is open") {
    fixture.server.answer("tcp.test", [](const Asked& asked) {
      return asked.tcp ? "" : NameServer::message(asked, Rcode::kNoError, {}, NameServer::kTruncated);
    });
    fixture.resolver->resolve("tcp.test", count);
    run_until(fixture.loop, [&] { return fixture.server.asked.size() == 4; });
  }
  SUBCASE("with an answer on its way") {
    fixture.resolver->resolve("quick.test", count);
    run_until(fixture.loop, [&] { return fixture.server.asked.size() == 2; });
  }
  fixture.resolver.reset();
  const int before = answered;
  run_some(fixture.loop);
  CHECK(answered == before);
  CHECK(fixture.loop.wheel().empty());
}

TEST_CASE("nothing is left armed where nothing is under way") {
  Fixture fixture;
  fixture.resolve("empty.test");
  CHECK(fixture.loop.wheel().empty());
}

TEST_CASE("name servers that c-ares cannot read are an error of the configuration") {
  net::Loop loop;
  const auto made = Resolver::make(loop, {{"not-numeric", 53, ""}}, patient());
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Code::kConfiguration);
  CHECK(made.error().detail.starts_with("nameservers not-numeric:53: "));
}

TEST_CASE("a name server may have an IPv6 address, and the second is asked where the first fails") {
  Fixture fixture;
  auto made = Resolver::make(fixture.loop, {{"::1", 1, ""}, fixture.server.endpoint()}, patient(Milliseconds(200)));
  REQUIRE(made);
  fixture.resolver = *std::move(made);
  fixture.server.add("second.test", RecordType::kA, Record::a("second.test", "10.0.0.1", 30));
  CHECK(texts(fixture.resolve("second.test").ipv4) == "10.0.0.1");
}

}  // namespace drover::health
