// wslay's frame API, one context a frame: a context that has sent masked once masks for ever after.
#include "websocket/frame_writer.h"

#include <openssl/rand.h>
#include <wslay/wslay.h>

#include <cassert>
#include <memory>

namespace drover::websocket {
namespace {

constexpr std::size_t kMaxControlPayload = 125;  // section 5.5
constexpr std::size_t kMaxReason = kMaxControlPayload - 2;

struct FreeContext {
  void operator()(wslay_frame_context* context) const noexcept { wslay_frame_context_free(context); }
};

ssize_t append(const std::uint8_t* bytes, std::size_t size, int /*flags*/, void* user) {
  auto& frame = *static_cast<std::vector<std::uint8_t>*>(user);
  frame.insert(frame.end(), bytes, bytes + size);
  return static_cast<ssize_t>(size);
}

int fill_with_random(std::uint8_t* key, std::size_t size, void* /*user*/) {
  return RAND_bytes(key, static_cast<int>(size)) == 1 ? 0 : -1;
}

// The longest front of `text` that has at most `limit` bytes and does not end inside a UTF-8 sequence.
std::string_view cut_at_character(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; };
  while (limit > 0 && continues(text[limit])) --limit;
  return text.substr(0, limit);
}

}  // namespace

std::vector<std::uint8_t> make_frame(Towards towards, Opcode opcode, Bytes payload) {
  assert(opcode < Opcode::kClose || payload.size() <= kMaxControlPayload);
  std::vector<std::uint8_t> frame;
  frame.reserve(kMaxFrameHeader + payload.size());

  const wslay_frame_callbacks callbacks{append, nullptr, fill_with_random};
  wslay_frame_context_ptr raw = nullptr;
  if (wslay_frame_context_init(&raw, &callbacks, &frame) != 0) return {};
  const std::unique_ptr<wslay_frame_context, FreeContext> context(raw);

  wslay_frame_iocb frame_to_send{};
  frame_to_send.fin = 1;
  frame_to_send.opcode = static_cast<std::uint8_t>(opcode);
  frame_to_send.mask = towards == Towards::kBackend ? 1 : 0;
  frame_to_send.payload_length = payload.size();
  frame_to_send.data = payload.data();
  frame_to_send.data_length = payload.size();
  // append() takes everything, so that one call sends all of the frame or fails.
  const ssize_t sent = wslay_frame_send(context.get(), &frame_to_send);
  if (sent < 0 || static_cast<std::size_t>(sent) != payload.size()) return {};
  return frame;
}

std::vector<std::uint8_t> make_close(Towards towards, CloseCode code, std::string_view reason) {
  const auto number = static_cast<std::uint16_t>(code);
  const Bytes text = as_bytes(cut_at_character(reason, kMaxReason));
  std::vector<std::uint8_t> payload{static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number & 0xff)};
  payload.insert(payload.end(), text.begin(), text.end());
  return make_frame(towards, Opcode::kClose, payload);
}

}  // namespace drover::websocket
