// The system's name servers: a resolv.conf of the test's own, with its search domains, and what happens when it
// changes.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "health/resolver.h"
#include "name_server.h"
#include "unit/net/driving.h"

namespace drover::health {

namespace {

using net::run_until;

struct SystemFixture {
  SystemFixture() { REQUIRE(::mkdtemp(folder.data()) != nullptr); }
  ~SystemFixture() { std::filesystem::remove_all(folder); }
  SystemFixture(const SystemFixture&) = delete;
  SystemFixture& operator=(const SystemFixture&) = delete;

  std::string path() const { return folder + "/resolv.conf"; }
  // As DHCP clients do it: a new file under the old name.
  void write(const std::string& text) const {
    std::ofstream(path() + ".new") << text;
    std::filesystem::rename(path() + ".new", path());
  }
  void start() {
    auto made = Resolver::make(loop, {}, {.resolv_conf = path(), .port = server.endpoint().port});
    REQUIRE(made);
    resolver = *std::move(made);
  }
  void resolve(const std::string& name, std::optional<Answer>& answer) {
    resolver->resolve(name, [&answer](const Answer& got) {
      CHECK_FALSE(answer);
      answer = got;
    });
  }
  Answer resolve(const std::string& name) {
    std::optional<Answer> answer;
    resolve(name, answer);
    run_until(loop, [&] { return answer.has_value(); });
    return *answer;
  }

  std::string folder = std::filesystem::temp_directory_path() / "drover-resolver-XXXXXX";
  net::Loop loop;
  NameServer server{loop};
  // On the same port of another address: it is asked, and says nothing.
  NameServer silent{loop, "127.0.0.2", server.endpoint().port};
  std::unique_ptr<Resolver> resolver;
};

}  // namespace

TEST_CASE("search domains and ndots are those of resolv.conf") {
  SystemFixture fixture;
  fixture.write("nameserver 127.0.0.1\nsearch one.test two.test\noptions ndots:2\n");
  fixture.start();
  fixture.server.answer("svc.ns.one.test", Rcode::kNoSuchName);
  fixture.server.add("svc.ns.two.test", RecordType::kA, Record::a("svc.ns.two.test", "10.0.0.1", 30));
  CHECK(fixture.resolve("svc.ns").ipv4.addresses.size() == 1);
  fixture.server.asked.clear();
  fixture.resolve("a.b.c");
  CHECK(fixture.server.asked.front().name == "a.b.c");  // dots enough: as it is, first
}

TEST_CASE("a resolv.conf that has changed is read again, and what is under way is asked anew") {
  SystemFixture fixture;
  fixture.write("nameserver 127.0.0.2\n");
  fixture.start();
  for (const char* name : {"first.test", "second.test"}) {
    fixture.server.add(name, RecordType::kA, Record::a(name, "10.0.0.1", 30));
    fixture.silent.stay_silent(name);
  }
  std::optional<Answer> first;
  fixture.resolve("first.test", first);
  run_until(fixture.loop, [&] { return fixture.silent.asked.size() == 2; });
  fixture.write("nameserver 127.0.0.1\n");
  CHECK(fixture.resolve("second.test").ipv4.addresses.size() == 1);
  run_until(fixture.loop, [&] { return first.has_value(); });
  CHECK(first->ipv4.addresses.size() == 1);
  CHECK(fixture.silent.asked.size() == 2);
  CHECK(fixture.server.asked.size() == 4);
}

TEST_CASE("a family that is answered already is not asked for anew") {
  SystemFixture fixture;
  fixture.write("nameserver 127.0.0.2\n");
  fixture.start();
  fixture.silent.stay_silent("half.test");
  fixture.silent.add("half.test", RecordType::kA, Record::a("half.test", "10.0.0.2", 30));
  std::optional<Answer> answer;
  fixture.resolve("half.test", answer);
  run_until(fixture.loop, [&] { return fixture.silent.asked.size() == 2; });
  net::run_some(fixture.loop);  // the A answer has come
  fixture.write("nameserver 127.0.0.1\n");
  fixture.resolve("other.test");
  run_until(fixture.loop, [&] { return answer.has_value(); });
  REQUIRE(answer->ipv4.addresses.size() == 1);
  CHECK(answer->ipv4.addresses[0].ip_text() == "10.0.0.2");
  CHECK(answer->ipv6.outcome == FamilyAnswer::Outcome::kNone);
}

TEST_CASE("one that comes only later is found") {
  SystemFixture fixture;
  fixture.start();
  fixture.write("nameserver 127.0.0.1\n");
  fixture.server.add("late.test", RecordType::kA, Record::a("late.test", "10.0.0.1", 30));
  CHECK(fixture.resolve("late.test").ipv4.addresses.size() == 1);
}

}  // namespace drover::health
