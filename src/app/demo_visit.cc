// The count is the connection's, and no other backend knows it: that it goes on after a move is the proof of the move.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "app/demo_conversation.h"

namespace drover::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestName = 64;    // bytes
constexpr std::size_t kLongestSay = 1'000;  // likewise

std::string text_of(const Json& message) {
  return message.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Visit final : public DemoConversation, DemoRoom::Member {
 public:
  Visit(Send send, std::string_view backend, DemoRoom& room) : send_(std::move(send)), backend_(backend), room_(room) {}
  ~Visit() override { room_.leave(*this); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  void begin() override {
    hello("new", "");
    room_.join(*this, 0);
  }
  void enter(const HandoffOrder& order) override;
  void hear(websocket::Opcode opcode, Bytes payload) override;
  std::string leave() override;

 private:
  void tell(std::string_view message) override { send_(websocket::Opcode::kText, as_bytes(message)); }
  void hello(std::string_view why, std::string_view from) {
    tell(text_of({{"hello", backend_}, {"why", why}, {"from", from}, {"count", count_}, {"name", name_}}));
  }
  void count(const Json& tick);
  void press(std::string_view button, const std::string& backend) const;

  const Send send_;
  const std::string_view backend_;
  DemoRoom& room_;
  std::uint64_t count_ = 0;
  std::string name_ = "somebody";
};

// State of somebody else's making is no reason to fail: what is not there begins anew.
void Visit::enter(const HandoffOrder& order) {
  const auto state = Json::parse(order.state, nullptr, /*allow_exceptions=*/false);
  std::uint64_t seen = 0;
  if (state.is_object()) {
    if (const auto count = state.find("count"); count != state.end() && count->is_number_unsigned()) {
      count_ = count->get<std::uint64_t>();
    }
    if (const auto name = state.find("name"); name != state.end() && name->is_string()) name_ = *name;
    if (const auto line = state.find("line"); line != state.end() && line->is_number_unsigned()) seen = *line;
  }
  hello(order.why, order.from);
  room_.join(*this, seen);
}

std::string Visit::leave() {
  room_.leave(*this);
  return text_of({{"count", count_}, {"name", name_}, {"line", room_.last_line()}});
}

void Visit::hear(websocket::Opcode opcode, Bytes payload) {
  if (opcode != websocket::Opcode::kText) return;
  const auto text = as_text(payload);
  if (text.size() > 2 * kLongestSay) return;
  const auto message = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!message.is_object() || message.empty()) return;
  const auto& verb = message.begin().key();
  const auto& value = *message.begin();
  if (verb == "tick") return count(value);
  if (!value.is_string()) return;
  const auto& said = value.get_ref<const std::string&>();
  if (said.empty() || said.size() > kLongestSay) return;
  if (verb == "say") return room_.say(name_, said, backend_);
  if (verb != "name") return press(verb, said);
  if (said.size() <= kLongestName) name_ = said;
}

void Visit::count(const Json& tick) {
  if (!tick.is_number_unsigned()) return;
  ++count_;
  tell(text_of({{"tick", tick}, {"count", count_}, {"backend", backend_}}));
}

void Visit::press(std::string_view button, const std::string& backend) const {
  const auto& controls = room_.controls();
  if (button == "drain" && controls.drain) controls.drain(backend);
  if (button == "restore" && controls.restore) controls.restore(backend);
  if (button == "kill" && controls.kill) controls.kill(backend);
}

}  // namespace

std::unique_ptr<DemoConversation> make_demo_visit(DemoConversation::Send send, std::string_view backend,
                                                  DemoRoom& room) {
  return std::make_unique<Visit>(std::move(send), backend, room);
}

}  // namespace drover::app
