// How sessions are moved and how they are known again: what is read, refused and warned of. No secret is ever shown.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "loading.h"

namespace drover::config {
namespace {

const std::string kSecret = "0123456789abcdef";

// `lines` stand behind those of kBase, from line 3.
Config valid(const std::string& lines) {
  auto loaded = load(kBase + lines + "\n");
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  return *std::move(loaded.config);
}

Migration migration(const std::string& keys) {
  return valid("migration: {" + keys + "}").pools.front().migration;
}

// The complaints about one line behind those of kBase.
std::string complaint(const std::string& line) {
  return complaints(kBase + line + "\n");
}

}  // namespace

TEST_CASE("without a key the defaults hold, and nothing is warned of") {
  CHECK(complaint("migration: {}\nlost_backend: {}\nresume: {}").empty());
  const Config config = valid("");
  CHECK(config.pools.front().migration == Migration());
  CHECK(config.pools.front().lost_backend == LostBackend());
  CHECK(config.pools.front().on_down == OnDown::kKeep);
  CHECK(config.pools.front().rebalance == Rebalance());
  CHECK(config.resume == Resume());
  CHECK(config.reload_wait == milliseconds(10'000));
}

TEST_CASE("the keys of a pool are read, in both forms") {
  const Migration expected{.handoff = Handoff::kOptIn,
                           .notify = Notify::kOff,
                           .rescue = true,
                           .pace = 0.5,
                           .grace = milliseconds(1'500),
                           .deadline = milliseconds(120'000),
                           .handoff_timeout = milliseconds(7'000),
                           .quiet = milliseconds(6'999),
                           .max_state = 1024,
                           .cooldown = milliseconds(0),
                           .stop_if_failing = 0.5,
                           .endpoint = "ws://a.b:81/c?d=e"};
  const std::string keys =
      "{handoff: opt_in, notify: off, rescue: true, pace: 0.5/s, grace: 1s500ms, deadline: 2m, handoff_timeout: 7s, "
      "quiet: 6s999ms, max_state: 1KiB, cooldown: 0, stop_if_failing: 50%, endpoint: 'ws://a.b:81/c?d=e'}";
  const Config brief = valid("migration: " + keys + "\nlost_backend: {close_pace: 7/s}");
  CHECK(brief.pools.front().migration == expected);
  CHECK(brief.pools.front().lost_backend.close_pace == 7);
  const Config full = valid("pools: {chat: {backends: ['b:1'], migration: " + keys +
                            ", lost_backend: {close_pace: 0.01/s}}}\nroutes: [{match: {path: /a}, pool: chat}, "
                            "{pool: default}]");
  CHECK(full.pools.front().migration == expected);
  CHECK(full.pools.front().lost_backend.close_pace == 0.01);
  CHECK(full.pools.back().migration == Migration());
}

TEST_CASE("who is told") {
  CHECK(migration("notify: opt_in").notify == Notify::kOptIn);
  CHECK(migration("notify: always").notify == Notify::kAlways);
  CHECK(complaint("migration: {notify: opt-in}") ==
        "t:3:21: error: 'migration.notify' must be one of 'off', 'opt_in', 'always', got 'opt-in'; did you mean "
        "'opt_in'?\n");
  CHECK(complaint("migration: {notify: always}") ==
        "t:3:21: warning: 'migration.notify' at 'always' sends a message of Drover's own to clients that did not ask "
        "for it; those that do not know it break: graphql-ws closes with 4004, engine.io and Phoenix throw\n");
  CHECK(complaint("migration: {notify: off}").empty());
}

TEST_CASE("paces have the bounds of the one at shutdown") {
  CHECK_FALSE(migration("pace: auto").pace.has_value());
  CHECK(migration("pace: 1000000/s").pace == 1'000'000);
  CHECK(valid("shutdown: {pace: 0.01/s}").shutdown.pace == 0.01);
  for (const char* bad : {"0/s", "0.009/s", "1000000.1/s"}) {
    const std::string range = "between 0.01/s and 1000000/s, got '" + std::string(bad) + "'\n";
    CHECK(complaint("shutdown: {pace: " + std::string(bad) + "}") ==
          "t:3:18: error: 'shutdown.pace' must be 'auto' or " + range);
    CHECK(complaint("migration: {pace: " + std::string(bad) + "}") ==
          "t:3:19: error: 'migration.pace' must be 'auto' or " + range);
    CHECK(complaint("lost_backend: {close_pace: " + std::string(bad) + "}") ==
          "t:3:28: error: 'lost_backend.close_pace' must be " + range);
  }
  CHECK(complaint("lost_backend: {close_pace: auto}").find("expected a rate such as '200/s'") != std::string::npos);
  CHECK(complaint("migration: {pace: 20}").find("expected a rate such as '200/s'") != std::string::npos);
}

TEST_CASE("a grace that the deadline does not leave is refused") {
  CHECK(migration("grace: 0, deadline: 1ms").deadline == milliseconds(1));
  CHECK(migration("grace: 59s999ms").grace == milliseconds(59'999));
  CHECK(complaint("migration: {grace: 30s, deadline: 30s}") ==
        "t:3:20: error: 'migration.grace' at '30s' must be below 'migration.deadline' at '30s': no client could be "
        "told in time to reconnect before it is closed\n");
  CHECK(complaint("migration: {deadline: 5s}") ==
        "t:3:23: error: 'migration.grace' at '10s' must be below 'migration.deadline' at '5s': no client could be "
        "told in time to reconnect before it is closed\n");
  CHECK(complaint("migration: {grace: 2m}").starts_with("t:3:20: error: 'migration.grace' at '2m' must be below"));
  CHECK(complaint("migration: {deadline: 0}") ==
        "t:3:23: error: 'migration.deadline' must be between 1ms and 365d, got '0'\n");
  // What could not be read is one complaint, not two.
  CHECK(complaint("migration: {grace: 2m, deadline: 3}") ==
        "t:3:34: error: 'migration.deadline': '3' has no unit: write for example '3s'\n");
  CHECK(complaint("migration: {grace: soon, deadline: 1s}").find("must be below") == std::string::npos);
}

TEST_CASE("who is handed off") {
  CHECK(migration("handoff: off").handoff == Handoff::kOff);
  CHECK(migration("handoff: assume").handoff == Handoff::kAssume);
  CHECK(complaint("migration: {handoff: opt_in}").empty());
  CHECK(complaint("migration: {handoff: off}").empty());
  CHECK(complaint("migration: {handoff: asume}") ==
        "t:3:22: error: 'migration.handoff' must be one of 'off', 'opt_in', 'assume', got 'asume'; did you mean "
        "'assume'?\n");
  CHECK(complaint("migration: {handoff: assume}") ==
        "t:3:22: warning: 'migration.handoff' at 'assume' changes backends that know nothing of it: what one keeps for "
        "a connection is lost, and so is what it sends late; Socket.IO, graphql-ws and Phoenix keep such state\n");
  CHECK(complaint("migration: {hand_off: off}").find("did you mean 'handoff'?") != std::string::npos);
}

TEST_CASE("a rescue is a handoff") {
  CHECK(complaint("migration: {rescue: true}").empty());
  CHECK(migration("rescue: true, handoff: assume").rescue);
  CHECK(complaint("migration: {rescue: false, handoff: off}").empty());
  CHECK(complaint("migration: {rescue: true, handoff: off}") ==
        "t:3:21: error: 'migration.rescue' needs 'migration.handoff' at 'opt_in' or 'assume': sessions are rescued by "
        "a handoff\n");
  CHECK(complaint("migration: {rescue: yes, handoff: off}").find("needs") == std::string::npos);
}

TEST_CASE("a backend that is down keeps its sessions, or they are rescued") {
  CHECK(valid("on_down: keep").pools.front().on_down == OnDown::kKeep);
  CHECK(complaint("on_down: keep").empty());
  CHECK(valid("on_down: move\nmigration: {rescue: true}").pools.front().on_down == OnDown::kMove);
  CHECK(complaint("on_down: move\nmigration: {rescue: true}").empty());
  const std::string warning = "'on_down' at 'move' moves nothing without 'migration.rescue' at true\n";
  CHECK(complaint("on_down: move") == "t:3:10: warning: " + warning);
  CHECK(complaint("migration: {rescue: false}\non_down: move") == "t:4:10: warning: " + warning);
  CHECK(complaint("on_down: move\nmigration: {rescue: yes}").find("moves nothing") == std::string::npos);
  CHECK(complaint("on_down: kepp") ==
        "t:3:10: error: 'on_down' must be one of 'keep', 'move', got 'kepp'; did you mean 'keep'?\n");
}

TEST_CASE("nobody can be quiet for longer than there is time") {
  CHECK(migration("handoff_timeout: 2ms, quiet: 1ms").quiet == milliseconds(1));
  CHECK(complaint("migration: {quiet: 5s}") ==
        "t:3:20: error: 'migration.quiet' at '5s' must be below 'migration.handoff_timeout' at '5s': no backend could "
        "have been quiet for long enough in time\n");
  CHECK(complaint("migration: {handoff_timeout: 100ms}")
            .starts_with("t:3:30: error: 'migration.quiet' at '200ms' must be below 'migration.handoff_timeout' at "
                         "'100ms': "));
  CHECK(complaint("migration: {quiet: 0}") ==
        "t:3:20: error: 'migration.quiet' must be between 1ms and 365d, got '0'\n");
  CHECK(complaint("migration: {handoff_timeout: 0}") ==
        "t:3:30: error: 'migration.handoff_timeout' must be between 1ms and 365d, got '0'\n");
}

TEST_CASE("what bounds handoffs") {
  CHECK(migration("max_state: 0").max_state == 0);
  CHECK(migration("max_state: 16MiB").max_state == 16U << 20U);
  CHECK(complaint("migration: {max_state: 16385KiB}") ==
        "t:3:24: error: 'migration.max_state' must be between 0 and 16MiB, got '16385KiB'\n");
  CHECK(complaint("migration: {max_state: 64}").find("has no unit") != std::string::npos);
  CHECK(migration("cooldown: 0").cooldown == milliseconds(0));
  CHECK(migration("stop_if_failing: 0%").stop_if_failing == 0.0);
  CHECK(migration("stop_if_failing: 100%").stop_if_failing == 1.0);
  CHECK(complaint("migration: {stop_if_failing: 0.05}") ==
        "t:3:30: error: 'migration.stop_if_failing': expected a share from '0%' to '100%', got '0.05'\n");
}

TEST_CASE("when backends are evened out") {
  const auto rebalance = [](const std::string& keys) {
    return valid("rebalance: {" + keys + "}").pools.front().rebalance;
  };
  CHECK(rebalance("") == Rebalance());
  const Rebalance expected{
      .enabled = true, .threshold = 0.125, .pace = 0.5, .cooldown = milliseconds(0), .interval = milliseconds(1)};
  CHECK(rebalance("enabled: true, threshold: 12.5%, pace: 0.5/s, cooldown: 0, interval: 1ms") == expected);
  CHECK(complaint("rebalance: {}").empty());
  for (const std::string bad : {"0%", "100%"})
    CHECK(complaint("rebalance: {threshold: " + bad + "}") ==
          "t:3:24: error: 'rebalance.threshold' must be above 0% and below 100%, got '" + bad + "'\n");
  CHECK(complaint("rebalance: {threshold: 0.3}").find("expected a share") != std::string::npos);
  CHECK(complaint("rebalance: {pace: 0/s}") ==
        "t:3:19: error: 'rebalance.pace' must be between 0.01/s and 1000000/s, got '0/s'\n");
  CHECK(complaint("rebalance: {pace: auto}").find("expected a rate such as '200/s'") != std::string::npos);
  CHECK(complaint("rebalance: {interval: 0}") ==
        "t:3:23: error: 'rebalance.interval' must be between 1ms and 365d, got '0'\n");
  CHECK(complaint("rebalance: {enabled: yes, pase: 1/s}").find("did you mean 'pace'?") != std::string::npos);
  // All errors of a file at once.
  const std::string all = complaint("migration: {quiet: 5s, max_state: 1}\nrebalance: {threshold: 0%, interval: 0}");
  CHECK(std::ranges::count(all, '\n') == 4);
}

TEST_CASE("an endpoint is a WebSocket URL") {
  for (const std::string good : {"ws://a", "wss://chat.example.com/ws?room=7", "wss://[2001:db8::1]:8443",
                                 "ws://10.0.0.1", "wss://a?b", "wss://a/@b/[c]{d}"})
    CHECK(migration("endpoint: \"" + good + "\"").endpoint == good);
  CHECK(migration("endpoint: ''").endpoint.empty());
  const auto refusal = [](const std::string& url) { return complaint("migration: {endpoint: \"" + url + "\"}"); };
  const std::string place = "t:3:23: error: 'migration.endpoint': ";
  CHECK(refusal("https://a") == place +
                                    "expected a URL such as 'wss://chat.example.com/ws', with 'ws://' or 'wss://', got "
                                    "'https://a'\n");
  for (const char* url : {"a", "/ws", "//a/ws", "chat.example.com:443", "wss:a", "wss:/a", "WSS://a"})
    CHECK(refusal(url).find("with 'ws://' or 'wss://', got") != std::string::npos);
  CHECK(refusal("wss://a/b#c").find("without a fragment") != std::string::npos);
  for (const char* url : {"wss://me@a/", "wss://me:secret@a", "wss://@a"})
    CHECK(refusal(url).find("without user and password") != std::string::npos);
  for (const char* url : {"wss://a/b c", "wss://a/\xC3\xBC", "wss://a/'", "wss://a/\\\"", "wss://a\\\\b", "wss://a/ "})
    CHECK(refusal(url).find("in visible ASCII without spaces, quotes and backslashes") != std::string::npos);
  for (const char* url : {"wss://", "wss:///ws", "wss://?a", "wss://:443", "wss://a:b", "wss://a:", "wss://[::1",
                          "wss://::1", "wss://a_-/", "wss://a..b", "wss://1.2.3"})
    CHECK(refusal(url).starts_with(place));
}

TEST_CASE("secrets are kept in their order") {
  const Resume resume =
      valid("resume: {secrets: [" + kSecret + ", 'x y \xC3\xBC " + kSecret + "'], on_invalid_token: reject}").resume;
  CHECK(resume.secrets == std::vector{kSecret, "x y \xC3\xBC " + kSecret});
  CHECK(resume.on_invalid_token == Resume::OnInvalidToken::kReject);
  CHECK(valid("resume: {on_invalid_token: ignore}").resume.on_invalid_token == Resume::OnInvalidToken::kIgnore);
  CHECK(complaint("resume: {on_invalid_token: deny}").find("must be one of 'ignore', 'reject', got 'deny'") !=
        std::string::npos);
  const Environment environment = [](std::string_view name) -> std::optional<std::string> {
    return name == "SECRET" ? std::optional(kSecret) : std::nullopt;
  };
  CHECK(load(kBase + "resume: {secrets: [\"${SECRET}\"]}\n", environment).config->resume.secrets ==
        std::vector{kSecret});
}

TEST_CASE("a wrong secret is one complaint, which does not repeat it") {
  CHECK(complaint("resume: {secrets: ['0123456789abcde']}") ==
        "t:3:20: error: 'resume.secrets[0]' must have at least 16 characters; it has 15\n");
  // Characters, not bytes.
  CHECK(complaint("resume: {secrets: ['\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC']}")
            .find("it has 8\n") != std::string::npos);
  CHECK(complaint("resume: {secrets: ['']}").find("it has 0\n") != std::string::npos);
  CHECK(complaint("resume: {secrets: [" + kSecret + ", x" + kSecret + ", " + kSecret + "]}") ==
        "t:3:57: error: 'resume.secrets[2]' is the same secret as 'resume.secrets[0]'\n");
  CHECK(complaint("resume: {secrets: ['***']}") ==
        "t:3:20: error: 'resume.secrets[0]' is hidden here, as in every dump; put in the secret itself\n");
  const std::string hidden = "hush-hush-hush-hush";
  for (const std::string& value : {"'" + hidden + "'", "[\"" + hidden + "\\n\"]", "{" + hidden + ": 1}",
                                   "[[" + hidden + "]]", "['${" + hidden + "']"}) {
    const std::string all = complaint("resume: {secrets: " + value + "}");
    CAPTURE(all);
    CHECK_FALSE(all.empty());
    CHECK(all.find(hidden) == std::string::npos);
  }
}

TEST_CASE("how long a reload waits") {
  CHECK(valid("reload_wait: 0").reload_wait == milliseconds(0));
  CHECK(valid("reload_wait: 2m").reload_wait == milliseconds(120'000));
  CHECK(complaint("reload_wait: 5") == "t:3:14: error: 'reload_wait': '5' has no unit: write for example '5s'\n");
}

}  // namespace drover::config
