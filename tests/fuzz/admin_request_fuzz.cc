// The first byte says which server is asked and how its process answers, the rest is a request as a client sends it:
// head and body through the parser and the endpoints, over backends and sessions that are real to them. One whole
// response to every request, no token in it, and nothing changed by a GET or by who may not.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/endpoints.h"
#include "admin/path_pattern.h"
#include "http/head_parser.h"
#include "require.h"

namespace {

using namespace drover;
using namespace drover::admin;

constexpr http::HeadLimits kLimits{.max_head_size = 8 * 1024, .max_headers = 100, .max_target = 2 * 1024};
constexpr http::HeadLimits kAnswerLimits{.max_head_size = 64 * 1024, .max_headers = 100, .max_target = 0};
constexpr std::string_view kToken = "fUzZ-s3cret:token";
constexpr std::string_view kLoadToken = "fUzZ-l0ad-token";
constexpr MonotonicTime kNow{Milliseconds(1'000'000)};

// Bits of the first byte.
enum Option : std::uint8_t { kProbesPort = 1, kGuarded = 2, kAnswersLater = 4, kNotReady = 8, kHasSessions = 16 };

// What a request can change.
struct State {
  int shutdowns = 0;
  int closes = 0;
  int drains = 0;  // asked for, called off, and frozen
  int reloads = 0;
  std::vector<unsigned> weights;
  std::vector<balancer::OperatorState> states;
  std::vector<bool> loads;
  bool operator==(const State&) const = default;
};

// The process behind the server. Its sessions have texts of the request's, which may hold anything.
class Process {
 public:
  Process(std::uint8_t options, std::string text) : options_(options), text_(std::move(text)) {
    for (const char* pool : {"chat", "mail"}) {
      config::Pool settings;
      settings.name = pool;
      std::vector<std::shared_ptr<balancer::Backend>> backends;
      for (const char* name : {"web-1", "web@[::1]:80"}) {
        config::BackendSpec spec;
        spec.name = name;
        spec.address = {.host = "10.0.0.1", .port = 80, .text = "10.0.0.1:80"};
        backends.push_back(std::make_shared<balancer::Backend>(pool, spec));
        backends.back()->set_probe(balancer::ProbeState::kUp);
        backends_.push_back(backends.back());
      }
      backends.back()->set_agent_state(balancer::OperatorState::kDrain);
      pools_.push_back(std::make_shared<const balancer::Pool>(settings, backends));
    }
  }

  Source source() {
    Source source;
    source.status = [this] { return status(); };
    source.pools = [this] { return pools_; };
    source.measures = [this] {
      return Measures{.ledger = ledger_, .workers = {{counters_, lag_, tls_}}, .config_hash = text_};
    };
    source.config = [] { return R"({"workers":1})"; };
    source.list_sessions = [this](const proxy::SessionQuery& query, auto done) {
      REQUIRE(query.limit >= 1 && query.limit <= 1000);
      proxy::SessionPage page;
      for (unsigned i = 0; has(kHasSessions) && i < std::min(query.limit, 3U); ++i) page.sessions.push_back(view());
      if (has(kHasSessions)) page.cursor = "00f2a1b2c3d4e5f6";
      reply([page, done] { done(page); });
    };
    source.find_session = [this](const std::string& id, auto done) {
      REQUIRE(id.size() == 16);
      reply([this, done] { done(has(kHasSessions) ? std::optional(view()) : std::nullopt); });
    };
    source.close_session = [this](const std::string& id, auto done) {
      REQUIRE(id.size() == 16);
      ++closes_;
      reply([this, done] { done(has(kHasSessions)); });
    };
    source.shut_down = [this] { ++shutdowns_; };
    move_sessions(source);
    return source;
  }

  State state() const {
    State state{.shutdowns = shutdowns_,
                .closes = closes_,
                .drains = drains_,
                .reloads = reloads_,
                .weights = {},
                .states = {},
                .loads = {}};
    for (const auto& backend : backends_) {
      state.weights.push_back(backend->weight());
      state.states.push_back(backend->operator_state());
      const auto& load = backend->load();
      state.loads.push_back(load.cpu.last() || load.memory.last() || load.connections.last() || load.ignored > 0);
    }
    return state;
  }
  void answer_late() {
    for (const auto& task : std::exchange(late_, {})) task();
  }

 private:
  void move_sessions(Source& source) {
    source.set_operator_state = [](balancer::Backend& backend, balancer::OperatorState state, const std::string&) {
      backend.set_operator_state(state);
    };
    source.drain = [this](const migration::DrainRequest& request, const std::string&, auto done) {
      const auto& terms = request.terms;
      REQUIRE(request.pool == "chat" || request.pool == "mail");
      REQUIRE(!terms.pace || (*terms.pace > 0 && !terms.auto_pace));
      REQUIRE(!terms.deadline || terms.deadline->count() > 0);
      REQUIRE(!terms.grace || *terms.grace < terms.deadline.value_or(config::Migration().deadline));
      drains_ += request.dry_run ? 0 : 1;
      reply([this, done] {
        if (has(kNotReady)) return done(fail(Code::kConfiguration, Side::kDrover, text_));
        done(drain());
      });
    };
    source.drains = [this] { return has(kHasSessions) ? std::vector{drain()} : std::vector<migration::DrainView>(); };
    source.cancel_drain = [this](const std::string& id, const std::string&) {
      ++drains_;
      return id == "d1" ? std::optional(drain()) : std::nullopt;
    };
    source.freeze = [this](Source::Frozen, const std::string&) { ++drains_; };
    source.frozen = [this] { return has(kNotReady) ? Source::Frozen::kYes : Source::Frozen::kNo; };
    source.reload = [this](const std::string&) {
      ++reloads_;
      Source::Reloaded reloaded;
      (has(kNotReady) ? reloaded.errors : reloaded.changes).push_back(text_);
      return reloaded;
    };
  }
  migration::DrainView drain() const {
    migration::DrainView drain;
    drain.id = "d1";
    drain.pool = "mail";
    drain.backends = {"web-1", text_};
    drain.warnings = {text_};
    return drain;
  }
  bool has(Option option) const { return (options_ & option) != 0; }
  void reply(std::function<void()> task) {
    if (!has(kAnswersLater)) return task();
    late_.push_back(std::move(task));
  }
  Status status() const {
    Status status;
    status.version = "1";
    if (has(kNotReady)) status.obstacle = text_;
    status.pools = {{"chat", 2, 1, false}};
    return status;
  }
  proxy::SessionView view() const {
    proxy::SessionView session;
    session.id = "00f2a1b2c3d4e5f6";
    session.path = text_;
    session.subprotocol = text_;
    session.state = "tunnelling";
    return session;
  }

  const std::uint8_t options_;
  const std::string text_;
  observe::Ledger ledger_{1};
  observe::Counters counters_;
  Histogram lag_;
  net::TlsCounts tls_;
  Pools pools_;
  std::vector<std::shared_ptr<balancer::Backend>> backends_;
  std::vector<std::function<void()>> late_;
  int shutdowns_ = 0;
  int closes_ = 0;
  int drains_ = 0;
  int reloads_ = 0;
};

bool tells(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

struct Answered {
  unsigned status = 0;
  std::string_view body;
};

// One response, framed by its own Content-Length, with a body of JSON.
Answered check_response(const std::string& response, std::string_view method) {
  http::ResponseParser parser(kAnswerLimits);
  const auto fed = parser.feed(as_bytes(response));
  REQUIRE(fed && fed->complete);
  const auto& head = parser.head();
  const Answered answered{head.status(), std::string_view(response).substr(fed->consumed)};
  REQUIRE(answered.status >= 200 && answered.status < 600);
  REQUIRE(head.find("connection") == "close" && head.find("cache-control") == "no-store");
  REQUIRE((answered.status == 405) == head.find("allow").has_value());
  REQUIRE(head.count("www-authenticate") == (answered.status == 401 ? 2U : 0U));
  if (method == "HEAD") {
    REQUIRE(answered.body.empty());
    return answered;
  }
  REQUIRE(head.find("content-length") == std::to_string(answered.body.size()));
  if (head.find("content-type") != "application/json") return answered;
  const auto json = nlohmann::json::parse(answered.body.begin(), answered.body.end(), nullptr, false);
  REQUIRE(json.is_object() && answered.body.ends_with('\n'));
  const bool is_readiness = answered.status == 503 && json.contains("ready");
  const std::size_t members = answered.status == 422 ? 2 : 1;  // of a reload: every error
  if (answered.status >= 400 && !is_readiness) REQUIRE(json.size() == members && json["error"].is_string());
  return answered;
}

Access access_for(std::uint8_t options) {
  Access access;
  access.hosts = {"ops"};
  if ((options & kProbesPort) != 0) access.surface = Surface::kProbes;
  if ((options & kGuarded) != 0) access.tokens = {.all = std::string(kToken), .load = std::string(kLoadToken)};
  return access;
}

void check_changes(const http::RequestHead& head, std::uint8_t options, const Answered& answered, const State& before,
                   const State& after) {
  if (before == after) return;
  REQUIRE(head.method() != "GET" && head.method() != "HEAD");
  REQUIRE((options & kProbesPort) == 0);
  REQUIRE(answered.status != 401 && answered.status != 403 && answered.status != 405);
  if ((options & kGuarded) == 0) return;
  State all_but_loads = after;
  all_but_loads.loads = before.loads;
  const auto shown = head.find("authorization").value_or("");
  const bool is_basic = http::same_name(shown.substr(0, 5), "basic");
  REQUIRE(is_basic || tells(shown, kToken) || (all_but_loads == before && tells(shown, kLoadToken)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t options = data[0];
  const Bytes request(data + 1, size - 1);
  http::RequestParser parser(kLimits);
  const auto fed = parser.feed(request);
  if (!fed) {
    check_response(answer_error(fed.error()), "GET");
    return 0;
  }
  if (!fed->complete) return 0;
  const auto& head = parser.head();
  const auto behind = request.subspan(fed->consumed);
  const std::string text(as_text(behind));

  Process process(options, text);
  Endpoints endpoints(process.source(), access_for(options));
  const auto body_size = endpoints.body_size(head);
  REQUIRE(body_size <= Endpoints::kMaxBody);
  if (behind.size() < body_size) return 0;
  const std::string body = text.substr(0, body_size);
  const auto before = process.state();
  std::vector<std::string> responses;
  endpoints.answer({.head = head, .body = body, .peer = net::Address(), .now = kNow},
                   [&responses](const std::string& response) { responses.push_back(response); });
  process.answer_late();
  REQUIRE(responses.size() == 1);
  const auto answered = check_response(responses.front(), head.method());
  check_changes(head, options, answered, before, process.state());
  check_response(answer_unanswered(head), head.method());
  const auto target = percent_decoded(head.target()).value_or(std::string(head.target()));
  for (const auto token : {kToken, kLoadToken}) {
    if (!tells(target, token) && !tells(head.target(), token) && !tells(text, token))
      REQUIRE(!tells(responses.front(), token));
  }
  return 0;
}
