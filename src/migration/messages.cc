// nlohmann::ordered_json keeps the members in the order in which they are documented.
#include "migration/messages.h"

#include <nlohmann/json.hpp>

namespace drover::migration {

namespace {

using Json = nlohmann::ordered_json;

// Text frames are UTF-8 (RFC 6455 section 5.6): what of a target or a reason is none is replaced, not thrown over.
std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string text_of(const MigrateConnection& message) {
  return dumped({{"type", "migrate_connection"},
                 {"reason", message.reason},
                 {"new_endpoint", message.new_endpoint},
                 {"session_token", message.session_token},
                 {"reconnect_delay", message.reconnect_delay.count()},
                 {"deadline", message.deadline.count()}});
}

std::string text_of(const ServerShutdown& message) {
  return dumped({{"type", "server_shutdown"},
                 {"message", message.message},
                 {"reconnect_delay", message.reconnect_delay.count()},
                 {"deadline", message.deadline.count()}});
}

}  // namespace drover::migration
