// The plans are the source's: what is asked for is judged here, and what is told is written down.
#include "admin/drains_api.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "admin/drain_json.h"
#include "admin/find_backend.h"
#include "admin/no_body.h"
#include "base/log.h"
#include "config/values.h"
#include "http/answer.h"

namespace drover::admin {

namespace {

using balancer::OperatorState;
using migration::DrainRequest;
using migration::DrainView;

Reply no_drain(const std::string& id) {
  return failure(404, "no drain '" + id + "'; GET /api/v1/drains lists those that are known");
}

Reply refusal_of(const Error& error) {
  // What stands in the way is the state of the process, not the request.
  return failure(error.code == Code::kConfiguration ? 409 : http::status_of(error.code), error.detail);
}

std::string written(const std::optional<Milliseconds>& duration) {
  return duration ? config::format_duration(*duration) : "default";
}

std::string written_pace(const migration::DrainTerms& terms) {
  if (terms.pace) return config::format_rate(*terms.pace);
  return terms.auto_pace ? "auto" : "default";
}

void log_asked(const DrainRequest& request, const std::string& peer) {
  const auto& terms = request.terms;
  log::info("drain_asked", {{"pool", request.pool},
                            {"backend", request.backend.empty() ? "*" : request.backend},
                            {"mode", name_of(terms.first_mode)},
                            {"pace", written_pace(terms)},
                            {"deadline", written(terms.deadline)},
                            {"grace", written(terms.grace)},
                            {"peer", peer}});
}

// `backend`: empty, all of the pool.
void drain(const Call& call, const balancer::Pool& pool, std::string backend, Done done) {
  const auto wish = read_drain_wish(call.request.body, pool.settings().migration);
  if (!wish) return done(failure(http::status_of(wish.error().code), wish.error().detail));
  const DrainRequest request{
      .pool = pool.name(), .backend = std::move(backend), .terms = wish->terms, .dry_run = wish->dry_run};
  const auto peer = call.request.peer.text();
  if (!request.dry_run) log_asked(request, peer);
  call.source.drain(request, peer, [dry_run = request.dry_run, done = std::move(done)](const Result<DrainView>& plan) {
    if (!plan) return done(refusal_of(plan.error()));
    done({.status = dry_run ? 200U : 202U, .body = drain_text(*plan) + "\n", .allow = {}});
  });
}

// Backends of the plan that get no new sessions, although it has ended.
std::string note_of(const Source& source, const DrainView& plan) {
  std::string closed;
  for (const auto& name : plan.backends) {
    const auto found = find_backend(source, plan.pool, name);
    if (!found || found->backend->operator_state() != OperatorState::kDrain) continue;
    closed.append(closed.empty() ? "" : ", ").append(name);
  }
  if (closed.empty()) return closed;
  return "no new sessions still for " + closed + ": POST /api/v1/backends/" + plan.pool +
         "/{name}/ready opens a backend to them again";
}

Reply set_frozen(const Call& call, Source::Frozen frozen) {
  if (const auto nothing = check_no_settings(call.request.body); !nothing) return nothing.error();
  const bool is_frozen = frozen == Source::Frozen::kYes;
  const auto peer = call.request.peer.text();
  log::info("freeze_asked", {{"frozen", is_frozen ? "yes" : "no"}, {"peer", peer}});
  call.source.freeze(frozen, peer);
  return json_reply(200, nlohmann::ordered_json{{"frozen", is_frozen}});
}

}  // namespace

void drain_backend(const Call& call, Done done) {
  const auto found = find_backend(call.source, call.parameters[0], call.parameters[1]);
  if (!found) return done(found.error());
  drain(call, *found->pool, found->backend->name(), std::move(done));
}

void drain_pool(const Call& call, Done done) {
  const auto found = find_pool(call.source, call.parameters[0]);
  if (!found) return done(found.error());
  drain(call, **found, {}, std::move(done));
}

Reply list_drains(const Call& call) {
  return {.status = 200, .body = drains_text(call.source.drains(), call.source.frozen()) + "\n", .allow = {}};
}

Reply show_drain(const Call& call) {
  const auto& id = call.parameters[0];
  const auto drains = call.source.drains();
  const auto drain = std::ranges::find(drains, id, &DrainView::id);
  if (drain == drains.end()) return no_drain(id);
  return {.status = 200, .body = drain_text(*drain) + "\n", .allow = {}};
}

Reply cancel_drain(const Call& call) {
  const auto& id = call.parameters[0];
  const auto peer = call.request.peer.text();
  const auto plan = call.source.cancel_drain(id, peer);
  if (!plan) return no_drain(id);
  log::info("drain_cancel_asked", {{"id", id}, {"peer", peer}});
  return {.status = 200, .body = drain_text(*plan, note_of(call.source, *plan)) + "\n", .allow = {}};
}

Reply freeze(const Call& call) {
  return set_frozen(call, Source::Frozen::kYes);
}

Reply unfreeze(const Call& call) {
  return set_frozen(call, Source::Frozen::kNo);
}

}  // namespace drover::admin
