// What the demo's page says and is told, and how one backend carries on what another began.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "app/demo_conversation.h"

using namespace drover;
using namespace drover::app;
using Json = nlohmann::json;

namespace {

class Visitor {
 public:
  Visitor(DemoRoom& room, std::string_view backend)
      : visit_(make_demo_visit(
            [this](websocket::Opcode opcode, Bytes payload) {
              CHECK(opcode == websocket::Opcode::kText);
              told_.push_back(Json::parse(as_text(payload)));
            },
            backend, room)) {}

  DemoConversation* operator->() { return visit_.get(); }
  void hear(const std::string& text) { visit_->hear(websocket::Opcode::kText, as_bytes(text)); }
  // Since the last call.
  std::vector<Json> told() { return std::exchange(told_, {}); }

 private:
  std::vector<Json> told_;
  std::unique_ptr<DemoConversation> visit_;
};

HandoffOrder enter_with(std::string state, std::string why = "left") {
  return {.verb = HandoffOrder::Verb::kEnter, .state = std::move(state), .why = std::move(why), .from = "demo-1"};
}

}  // namespace

TEST_CASE("ticks are counted, and the count is carried on by the next backend") {
  DemoRoom room{{}};
  Visitor one(room, "demo-1");
  one->begin();
  CHECK(one.told() ==
        std::vector{Json::parse(R"({"hello":"demo-1","why":"new","from":"","count":0,"name":"somebody"})")});
  one.hear(R"({"name":"Ann"})");
  for (const char* tick : {R"({"tick":5})", R"({"tick":6})"}) one.hear(tick);
  CHECK(one.told() == std::vector{Json::parse(R"({"tick":5,"count":1,"backend":"demo-1"})"),
                                  Json::parse(R"({"tick":6,"count":2,"backend":"demo-1"})")});
  Visitor two(room, "demo-2");
  two->enter(enter_with(one->leave()));
  CHECK(two.told() ==
        std::vector{Json::parse(R"({"hello":"demo-2","why":"left","from":"demo-1","count":2,"name":"Ann"})")});
  two.hear(R"({"tick":7})");
  CHECK(two.told() == std::vector{Json::parse(R"({"tick":7,"count":3,"backend":"demo-2"})")});
}

TEST_CASE("who gets its own state back goes on as before") {
  DemoRoom room{{}};
  Visitor one(room, "demo-1");
  one->begin();
  one.hear(R"({"tick":1})");
  one->enter(enter_with(one->leave()));
  one.told();
  one.hear(R"({"tick":2})");
  CHECK(one.told().at(0)["count"] == 2);
  one.hear(R"({"say":"once"})");
  CHECK(one.told().size() == 1);
}

TEST_CASE("state that is lost, or nobody's, begins anew") {
  DemoRoom room{{}};
  for (const char* state : {"null", "7", "{}", R"({"count":-1,"name":7,"line":"x"})", "["}) {
    CAPTURE(state);
    Visitor visitor(room, "demo-2");
    visitor->enter(enter_with(state, "rescued"));
    const auto told = visitor.told();
    REQUIRE(told.size() == 1);
    CHECK(told[0] == Json::parse(R"({"hello":"demo-2","why":"rescued","from":"demo-1","count":0,"name":"somebody"})"));
  }
}

TEST_CASE("a line reaches everybody once, also who is between two backends when it is said") {
  DemoRoom room{{}};
  Visitor ann(room, "demo-1");
  Visitor bob(room, "demo-2");
  ann->begin();
  bob->begin();
  ann.hear(R"({"name":"Ann"})");
  ann.hear(R"({"say":"<b>hi</b>"})");
  ann.told();
  CHECK(bob.told().back() == Json::parse(R"({"line":1,"from":"Ann","text":"<b>hi</b>","backend":"demo-1"})"));
  const auto state = ann->leave();
  bob.hear(R"({"say":"where are you?"})");
  CHECK(ann.told().empty());
  Visitor next(room, "demo-2");
  next->enter(enter_with(state));
  const auto told = next.told();
  REQUIRE(told.size() == 2);
  CHECK(told[1]["line"] == 2);
}

TEST_CASE("a newcomer hears the last lines, and somebody who is gone is told nothing") {
  DemoRoom room{{}};
  {
    Visitor gone(room, "demo-1");
    gone->begin();
    for (std::size_t i = 0; i < DemoRoom::kRemembered + 5; ++i) gone.hear(R"({"say":"again"})");
  }
  CHECK(room.empty());
  Visitor late(room, "demo-1");
  late->begin();
  const auto told = late.told();
  REQUIRE(told.size() == 1 + DemoRoom::kRemembered);
  CHECK(told[1]["line"] == 6);
}

TEST_CASE("how the backends are is told when it changes, and to newcomers") {
  DemoRoom room{{}};
  Visitor one(room, "demo-1");
  one->begin();
  room.show({{.name = "demo-1", .state = "ready", .sessions = 1}});
  room.show({{.name = "demo-1", .state = "ready", .sessions = 1}});
  const auto shown = Json::parse(R"({"backends":[{"name":"demo-1","state":"ready","sessions":1}]})");
  CHECK(one.told().size() == 2);
  Visitor two(room, "demo-2");
  two->begin();
  CHECK(two.told().at(1) == shown);
  room.show({{.name = "demo-1", .state = "drain", .sessions = 1}});
  CHECK(one.told().at(0)["backends"][0]["state"] == "drain");
}

TEST_CASE("buttons do what they say, and nothing else does") {
  std::vector<std::string> pressed;
  const auto note = [&pressed](const char* button) {
    return [&pressed, button](const std::string& backend) { pressed.push_back(button + backend); };
  };
  DemoRoom room{{.drain = note("drain "), .restore = note("restore "), .kill = note("kill ")}};
  Visitor one(room, "demo-1");
  one->begin();
  one.told();
  for (const char* button : {R"({"drain":"demo-1"})", R"({"restore":"demo-2"})", R"({"kill":"demo-1"})"})
    one.hear(button);
  CHECK(pressed == std::vector<std::string>{"drain demo-1", "restore demo-2", "kill demo-1"});
  for (const char* noise : {"", "hello", "[]", "{}", "7", R"({"tick":"x"})", R"({"tick":-1})", R"({"say":7})",
                            R"({"say":""})", R"({"kill":7})", R"({"shutdown":"demo-1"})", R"({"name":["x"]})"}) {
    one.hear(noise);
  }
  one.hear(R"({"say":")" + std::string(1'001, 'x') + R"("})");
  one.hear(R"({"name":")" + std::string(65, 'x') + R"("})");
  one->hear(websocket::Opcode::kBinary, as_bytes(R"({"kill":"demo-1"})"));
  CHECK(pressed.size() == 3);
  CHECK(one.told().empty());
  CHECK(Json::parse(one->leave())["name"] == "somebody");
}
