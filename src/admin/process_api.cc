// All leave the work to the supervisor.
#include "admin/process_api.h"

#include <nlohmann/json.hpp>

#include "admin/no_body.h"
#include "base/log.h"

namespace drover::admin {

Reply show_config(const Call& call) {
  Reply reply;
  reply.body = call.source.config() + "\n";
  return reply;
}

Reply reload(const Call& call) {
  if (const auto nothing = check_no_settings(call.request.body); !nothing) return nothing.error();
  const auto peer = call.request.peer.text();
  log::info("reload_asked", {{"peer", peer}});
  const auto reloaded = call.source.reload(peer);
  if (!reloaded.errors.empty()) {
    return json_reply(422, nlohmann::ordered_json{{"error", reloaded.errors.front()}, {"errors", reloaded.errors}});
  }
  return json_reply(
      200, nlohmann::ordered_json{{"reloaded", true}, {"changes", reloaded.changes}, {"warnings", reloaded.warnings}});
}

Reply shut_down(const Call& call) {
  if (const auto nothing = check_no_settings(call.request.body); !nothing) return nothing.error();
  log::info("shutdown_asked", {{"peer", call.request.peer.text()}});
  call.source.shut_down();
  return json_reply(202, nlohmann::ordered_json{{"shutting_down", true}});
}

}  // namespace drover::admin
