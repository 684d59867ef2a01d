// The texts are a contract with clients: compared whole.
#include "migration/messages.h"

#include <doctest/doctest.h>

namespace drover::migration {

using namespace std::chrono_literals;

TEST_CASE("migrate_connection has its members in the documented order") {
  CHECK(text_of(MigrateConnection{.reason = "drain",
                                  .new_endpoint = "wss://chat.example.com/ws?room=7",
                                  .session_token = "v1.abc",
                                  .reconnect_delay = 1740ms,
                                  .deadline = 11'740ms}) ==
        R"({"type":"migrate_connection","reason":"drain","new_endpoint":"wss://chat.example.com/ws?room=7",)"
        R"("session_token":"v1.abc","reconnect_delay":1740,"deadline":11740})");
}

TEST_CASE("server_shutdown has its members in the documented order") {
  CHECK(text_of(ServerShutdown{.message = "going down", .reconnect_delay = 0ms, .deadline = 5s}) ==
        R"({"type":"server_shutdown","message":"going down","reconnect_delay":0,"deadline":5000})");
}

TEST_CASE("what a client wrote into its URL is escaped, and what is no UTF-8 is replaced") {
  const auto text =
      text_of(MigrateConnection{.reason = "a\"b\\c\n", .new_endpoint = "ws://h/\xff\xc3(", .session_token = ""});
  CHECK(text == R"({"type":"migrate_connection","reason":"a\"b\\c\n","new_endpoint":"ws://h/)"
                "\xef\xbf\xbd\xef\xbf\xbd("
                R"(","session_token":"","reconnect_delay":0,"deadline":0})");
}

}  // namespace drover::migration
