// What one tries a proxy with.
#include <utility>

#include "app/demo_conversation.h"

namespace drover::app {

namespace {

class Echo final : public DemoConversation {
 public:
  Echo(Send send, std::string description) : send_(std::move(send)), description_(std::move(description)) {}

  void begin() override {}
  void enter(const HandoffOrder& /*order*/) override {}
  void hear(websocket::Opcode opcode, Bytes payload) override {
    const bool asked = opcode == websocket::Opcode::kText && as_text(payload) == "whoami";
    send_(opcode, asked ? as_bytes(description_) : payload);
  }
  std::string leave() override { return "null"; }

 private:
  const Send send_;
  const std::string description_;
};

}  // namespace

std::unique_ptr<DemoConversation> make_demo_echo(DemoConversation::Send send, std::string description) {
  return std::make_unique<Echo>(std::move(send), std::move(description));
}

}  // namespace drover::app
