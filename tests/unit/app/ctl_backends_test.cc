// Which backend is meant, what is asked of it, and what is told of it.
#include "app/ctl_backends.h"

#include <doctest/doctest.h>

using namespace drover::app;
using Verb = CtlLine::Verb;

namespace {

BackendAnswer backend(const std::string& pool, const std::string& name, std::uint64_t weight = 1) {
  BackendAnswer answer;
  answer.pool = pool;
  answer.name = name;
  answer.operator_state = "ready";
  answer.weight = weight;
  return answer;
}

std::vector<PoolAnswer> pools() {
  return {{.name = "chat",
           .backends = {backend("chat", "web-1"), backend("chat", "web@10.0.0.1:80"), backend("chat", "10.0.0.2:80")}},
          {.name = "mail", .backends = {backend("mail", "web-1"), backend("mail", "smtp")}}};
}

std::string picked(const std::string& written) {
  const auto found = pick_backend(pools(), written);
  return found ? found->pool + " " + found->name : found.error().detail;
}

CtlLine line_of(Verb verb, std::uint64_t weight = 0) {
  CtlLine line;
  line.verb = verb;
  line.weight = weight;
  return line;
}

}  // namespace

TEST_CASE("ctl: a backend is found by its pool and name, and by its name where that is enough") {
  CHECK(picked("chat/web-1") == "chat web-1");
  CHECK(picked("mail/web-1") == "mail web-1");
  CHECK(picked("smtp") == "mail smtp");
  CHECK(picked("web@10.0.0.1:80") == "chat web@10.0.0.1:80");
  CHECK(picked("chat/10.0.0.2:80") == "chat 10.0.0.2:80");
  CHECK(picked("web-1") == "'web-1' is more than one backend: name one of chat/web-1, mail/web-1");
  CHECK(picked("mail/smpt") == "no backend 'mail/smpt'; did you mean 'mail/smtp'?");
  CHECK(picked("\x1b[2J") == "no backend '\\x1b[2J'; drover ctl status lists them");
  CHECK(picked("") == "no backend ''; drover ctl status lists them");
}

TEST_CASE("ctl: of two of one name the one that stays is meant") {
  auto old = backend("chat", "web", 1);
  old.leaving = true;
  const auto fresh = backend("chat", "web", 2);
  CHECK(pick_backend({{.name = "chat", .backends = {old, fresh}}}, "web")->weight == 2);
  CHECK(pick_backend({{.name = "chat", .backends = {fresh, old}}}, "chat/web")->weight == 2);
}

TEST_CASE("ctl: a change is a request for that backend") {
  const auto one = backend("a/b", "web@10.0.0.1:80");
  const auto ready = change_of(line_of(Verb::kReady), one);
  CHECK(ready.method == "POST");
  CHECK(ready.target == "/api/v1/backends/a%2Fb/web%4010.0.0.1%3A80/ready");
  CHECK(ready.body.empty());
  CHECK(change_of(line_of(Verb::kMaintenance), one).target.ends_with("/maintenance"));
  const auto weight = change_of(line_of(Verb::kWeight, 7), one);
  CHECK(weight.method == "PUT");
  CHECK(weight.target.ends_with("/weight"));
  CHECK(weight.body == R"({"weight":7})");
}

TEST_CASE("ctl: a line tells what has changed") {
  const auto one = backend("chat", "web-1", 3);
  CHECK(change_text(line_of(Verb::kMaintenance), one, "") == "chat/web-1: maintenance (was ready)\n");
  CHECK(change_text(line_of(Verb::kReady), one, "") == "chat/web-1: ready, as before\n");
  CHECK(change_text(line_of(Verb::kWeight, 7), one, "") == "chat/web-1: weight 7 (was 3)\n");
  CHECK(change_text(line_of(Verb::kWeight, 3), one, "") == "chat/web-1: weight 3, as before\n");
  CHECK(change_text(line_of(Verb::kReady), one, "its agent says maintenance\n") ==
        "chat/web-1: ready, as before; its agent says maintenance\\x0a\n");
}
