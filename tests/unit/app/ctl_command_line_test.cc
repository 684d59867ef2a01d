// What `drover ctl` accepts, and what is a usage error.
#include "app/ctl_command_line.h"

#include <doctest/doctest.h>

#include <chrono>

#include "app/command_line.h"

using namespace drover::app;
using Verb = CtlLine::Verb;

namespace {

CtlLine parsed(const std::vector<std::string>& arguments) {
  const auto line = parse_ctl_line(arguments);
  REQUIRE_MESSAGE(line.has_value(), line.error().text);
  return *line;
}

std::string usage_error(const std::vector<std::string>& arguments) {
  const auto line = parse_ctl_line(arguments);
  REQUIRE_FALSE(line.has_value());
  CHECK(line.error().code == ExitCode::kUsage);
  CHECK(line.error().text.ends_with('\n'));
  return line.error().text;
}

}  // namespace

TEST_CASE("ctl: a command alone has the defaults") {
  const auto line = parsed({"status"});
  CHECK(line.verb == Verb::kStatus);
  CHECK(line.form == CtlLine::Form::kTables);
  CHECK_FALSE(line.admin.has_value());
  CHECK(line.config_file.empty());
  CHECK(line.token_file.empty());
  CHECK(line.timeout == std::chrono::seconds(5));
}

TEST_CASE("ctl: options stand before or behind the command") {
  const std::vector<std::string> options = {"--json", "--admin",      "[::1]:99", "--timeout",
                                            "1500ms", "--token-file", "t"};
  std::vector<std::string> before = options;
  before.emplace_back("config");
  std::vector<std::string> behind = {"config"};
  behind.insert(behind.end(), options.begin(), options.end());
  for (const auto& arguments : {before, behind}) {
    const auto line = parsed(arguments);
    CHECK(line.verb == Verb::kConfig);
    CHECK(line.form == CtlLine::Form::kJson);
    CHECK(line.admin->host == "::1");
    CHECK(line.admin->port == 99);
    CHECK(line.timeout == std::chrono::milliseconds(1500));
    CHECK(line.token_file == "t");
  }
  CHECK(parsed({"-c", "a.yaml", "status"}).config_file == "a.yaml");
}

TEST_CASE("ctl: sessions are a list, or one of them") {
  const auto list = parsed({"sessions"});
  CHECK(list.verb == Verb::kSessions);
  CHECK(list.limit == 100);
  const auto some = parsed({"sessions", "--pool", "p", "--backend", "b@1:2", "--client", "[::1]", "--limit", "7"});
  CHECK(some.verb == Verb::kSessions);
  CHECK(some.filter.pool == "p");
  CHECK(some.filter.backend == "b@1:2");
  CHECK(some.filter.client == "[::1]");
  CHECK(some.limit == 7);
  CHECK_FALSE(parsed({"sessions", "--all"}).limit.has_value());
  const auto one = parsed({"sessions", "0123"});
  CHECK(one.verb == Verb::kSession);
  CHECK(one.session == "0123");
  CHECK(parsed({"close", "0123"}).verb == Verb::kClose);
}

TEST_CASE("ctl: a backend may be called whatever a command is") {
  const auto ready = parsed({"ready", "status"});
  CHECK(ready.verb == Verb::kReady);
  CHECK(ready.backend == "status");
  CHECK(parsed({"maintenance", "chat/[::1]:9001"}).backend == "chat/[::1]:9001");
  const auto weight = parsed({"weight", "web@10.0.0.1:80", "3"});
  CHECK(weight.verb == Verb::kWeight);
  CHECK(weight.backend == "web@10.0.0.1:80");
  CHECK(weight.weight == 3);
}

TEST_CASE("ctl: a drain is of a backend or of a pool, and of terms as they are written") {
  const auto plain = parsed({"drain", "chat/web-1"});
  CHECK(plain.verb == Verb::kDrain);
  CHECK(plain.backend == "chat/web-1");
  CHECK(plain.drain.pool.empty());
  CHECK(plain.drain.mode.empty());
  CHECK_FALSE(plain.drain.dry_run);
  CHECK(plain.drain.wait == CtlLine::Drain::Wait::kUntilItEnds);
  const auto full = parsed({"drain", "--pool", "chat", "--mode", "notify", "--pace", "2.5/s", "--deadline", "1m",
                            "--grace", "0", "--dry-run", "--no-wait", "--json"});
  CHECK(full.verb == Verb::kDrain);
  CHECK(full.drain.pool == "chat");
  CHECK(full.drain.mode == "notify");
  CHECK(full.drain.pace == "2.5/s");
  CHECK(full.drain.deadline == "1m");
  CHECK(full.drain.grace == "0");
  CHECK(full.drain.dry_run);
  CHECK(full.drain.wait == CtlLine::Drain::Wait::kNot);
  CHECK(full.form == CtlLine::Form::kJson);
  CHECK(parsed({"drain", "b", "--pace", "auto"}).drain.pace == "auto");
  const auto cancel = parsed({"drain", "--cancel", "d1"});
  CHECK(cancel.verb == Verb::kCancelDrain);
  CHECK(cancel.drain.id == "d1");
  CHECK(parsed({"drains"}).verb == Verb::kDrains);
  CHECK(parsed({"freeze"}).verb == Verb::kFreeze);
  CHECK(parsed({"unfreeze"}).verb == Verb::kUnfreeze);
  CHECK(parsed({"reload"}).verb == Verb::kReload);
}

TEST_CASE("ctl: a drain that cannot be is a usage error") {
  CHECK(usage_error({"drain"}).contains("BACKEND, --pool or --cancel is required"));
  CHECK(usage_error({"drain", "b", "--pool", "p"}).contains("--pool"));
  CHECK(usage_error({"drain", "b", "--cancel", "d1"}).contains("--cancel"));
  CHECK(usage_error({"drain", "--cancel", "d1", "--dry-run"}).contains("--cancel"));
  CHECK(usage_error({"drain", "--cancel", "d1", "--pace", "1/s"}).contains("--cancel"));
  CHECK(usage_error({"drain", "--cancel", ""}).contains("empty"));
  CHECK(usage_error({"drain", "b", "--mode", "clse"}).contains("got 'clse'; did you mean 'close'?"));
  CHECK(usage_error({"drain", "b", "--pace", "200"}).contains("expected a rate such as '200/s', got '200'; or auto"));
  CHECK(usage_error({"drain", "b", "--pace", "0/s"}).contains("nobody would ever leave"));
  CHECK(usage_error({"drain", "b", "--deadline", "60"}).contains("--deadline"));
  CHECK(usage_error({"drain", "b", "--grace", "soon"}).contains("--grace"));
  CHECK(usage_error({"drian"}).contains("did you mean 'drain'?"));
  CHECK(usage_error({"drains", "d1"}).contains("d1"));
}

TEST_CASE("ctl: what makes no sense is a usage error that names it") {
  CHECK(usage_error({}).contains("drover ctl status"));
  CHECK(usage_error({"statsu"}).contains("no command 'statsu'; did you mean 'status'?"));
  CHECK(usage_error({"status", "surplus"}).contains("surplus"));
  CHECK(usage_error({"status", "--pool", "p"}).contains("--pool"));
  CHECK(usage_error({"sessions", "id", "--pool", "p"}).contains("--pool"));
  CHECK(usage_error({"sessions", "--all", "--limit", "3"}).contains("--limit"));
  CHECK(usage_error({"sessions", "--limit", "0"}).contains("1 at least"));
  CHECK(usage_error({"sessions", "--limit", "-1"}).contains("--limit"));
  CHECK(usage_error({"weight", "b"}).contains("N is required"));
  CHECK(usage_error({"weight", "b", "two"}).contains("two"));
  CHECK(usage_error({"--admin", "nowhere", "status"}).contains("host:port"));
  CHECK(usage_error({"--timeout", "5", "status"}).contains("--timeout"));
  CHECK(usage_error({"--timeout", "0s", "status"}).contains("no time"));
  CHECK(usage_error({"-c", "a", "--admin", ":1", "status"}).contains("--admin"));
  CHECK(usage_error({"-c", "a", "--token-file", "t", "status"}).contains("--token-file"));
  usage_error({"ready"});
  usage_error({"close"});
  usage_error({"close", ""});
}

TEST_CASE("ctl: a token is never an argument") {
  CHECK(usage_error({"--token", "secret-secret-secret", "status"}).contains("--token"));
}

TEST_CASE("ctl: help is no error, of ctl and of its commands") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--help"}, {"sessions", "-h"}}) {
    const auto line = parse_ctl_line(arguments);
    REQUIRE_FALSE(line.has_value());
    CHECK(line.error().code == ExitCode::kOk);
    CHECK(line.error().text.ends_with('\n'));
  }
  CHECK(parse_ctl_line({"--help"}).error().text.contains("DROVER_ADMIN_TOKEN"));
  CHECK(parse_ctl_line({"sessions", "-h"}).error().text.contains("--client"));
}

TEST_CASE("ctl is a command of drover's, and only in the first place") {
  const auto line = parse_command_line({"ctl", "weight", "a/b", "2"});
  REQUIRE(line.has_value());
  CHECK(line->action == CommandLine::Action::kCtl);
  CHECK(line->ctl.backend == "a/b");
  CHECK(parse_command_line({"ctl"}).error().code == ExitCode::kUsage);
  CHECK(parse_command_line({"-c", "a.yaml", "ctl"}).error().text.contains("ctl"));
  CHECK(parse_command_line({"--help"}).error().text.contains("drover ctl"));
}
