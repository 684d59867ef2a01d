// wslay's event context between two byte strings. wslay answers pings and Closes itself; a Close with one of the
// newer codes 1012–1014 it takes for a protocol error and answers with 1002, which ends the connection just as well.
#include "websocket/endpoint.h"

#include <wslay/wslay.h>

#include <algorithm>
#include <utility>

#include "base/random.h"

namespace drover::websocket {
namespace {

// wslay queues pongs without bound; output is taken from it after every so many bytes of input.
constexpr std::size_t kInputSlice = 4096;

struct FreeContext {
  void operator()(wslay_event_context* context) const noexcept { wslay_event_context_free(context); }
};

}  // namespace

class Endpoint::Impl {
 public:
  Impl(Role role, std::uint64_t max_message_size, OnMessage on_message) : on_message_(std::move(on_message)) {
    wslay_event_callbacks callbacks{};
    callbacks.recv_callback = give_input;
    callbacks.send_callback = append_output;
    callbacks.genmask_callback = fill_mask;
    callbacks.on_msg_recv_callback = deliver;
    wslay_event_context_ptr context = nullptr;
    const auto init = role == Role::kServer ? wslay_event_context_server_init : wslay_event_context_client_init;
    if (init(&context, &callbacks, this) != 0) return;  // out of memory: receive() is false
    context_.reset(context);
    wslay_event_config_set_max_recv_msg_length(context, max_message_size);
    wslay_event_config_set_no_buffering(context, role == Role::kClient ? 1 : 0);  // of data; control frames always are
  }

  bool receive(Bytes input) {
    bool healthy = context_ != nullptr;
    while (healthy && !input.empty()) {
      const std::size_t size = std::min(kInputSlice, input.size());
      input_ = input.first(size);
      input = input.subspan(size);
      healthy = wslay_event_recv(context_.get()) == 0 && wslay_event_want_read(context_.get()) != 0;
      healthy = flush() && healthy;
    }
    input_ = {};
    return healthy;
  }

  void send(Opcode opcode, Bytes payload) {
    if (context_ == nullptr) return;
    const wslay_event_msg message{static_cast<std::uint8_t>(opcode), payload.data(), payload.size()};
    wslay_event_queue_msg(context_.get(), &message);  // refused once a Close is queued: nothing may follow it
  }

  std::string take_output() {
    flush();
    return std::exchange(output_, {});
  }

 private:
  bool flush() { return context_ != nullptr && wslay_event_send(context_.get()) == 0; }

  static ssize_t give_input(wslay_event_context_ptr context, std::uint8_t* buffer, std::size_t size, int /*flags*/,
                            void* user) {
    Bytes& input = static_cast<Impl*>(user)->input_;
    if (input.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const std::size_t given = std::min(size, input.size());
    std::copy_n(input.begin(), given, buffer);
    input = input.subspan(given);
    return static_cast<ssize_t>(given);
  }

  static ssize_t append_output(wslay_event_context_ptr /*context*/, const std::uint8_t* bytes, std::size_t size,
                               int /*flags*/, void* user) {
    static_cast<Impl*>(user)->output_.append(as_text({bytes, size}));
    return static_cast<ssize_t>(size);
  }

  static int fill_mask(wslay_event_context_ptr /*context*/, std::uint8_t* key, std::size_t size, void* /*user*/) {
    fill_random({key, size});
    return 0;
  }

  static void deliver(wslay_event_context_ptr /*context*/, const wslay_event_on_msg_recv_arg* message, void* user) {
    const Bytes payload(message->msg, message->msg_length);
    static_cast<Impl*>(user)->on_message_(static_cast<Opcode>(message->opcode), payload);
  }

  OnMessage on_message_;
  Bytes input_;  // what wslay has not asked for yet, during receive()
  std::string output_;
  std::unique_ptr<wslay_event_context, FreeContext> context_;
};

Endpoint::Endpoint(Role role, std::uint64_t max_message_size, OnMessage on_message)
    : impl_(std::make_unique<Impl>(role, max_message_size, std::move(on_message))) {}
Endpoint::~Endpoint() = default;

bool Endpoint::receive(Bytes input) {
  return impl_->receive(input);
}
void Endpoint::send(Opcode opcode, Bytes payload) {
  impl_->send(opcode, payload);
}
std::string Endpoint::take_output() {
  return impl_->take_output();
}

}  // namespace drover::websocket
