// What a handoff needs of the session that owns it: somebody who finds and dials other backends, a timer, and who is
// told how it ended. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "net/byte_stream.h"
#include "observe/outcome.h"
#include "websocket/close_code.h"

namespace drover::proxy {

// How it begins.
enum class HandoffStart : std::uint8_t {
  kPlanned,  // the old backend serves, and is asked to let go
  kLeaving,  // the same; it asked for it
  kClosed,   // it has sent a Close that means so
  kRescue,   // it is lost
};

// What has become of one.
struct HandedOff {
  std::optional<observe::MoveResult> result;  // none: the session ends by itself
  observe::MoveCause cause{};
  bool moved = false;                     // to another backend
  std::chrono::microseconds held_for{0};  // the client
};

class HandoffHost {
 public:
  // Dials a candidate that has not been dialled in this handoff and is not the session's backend; its on_opened() or
  // on_dial_failed() follows, never from within. False: there is none.
  virtual bool dial_next() = 0;
  // Whoever is dialled, or has been, is let go.
  virtual void drop_next() = 0;
  // After on_opened(): its stream, which is not read yet.
  virtual net::ByteStream& next() = 0;
  // The key of its connection, where it takes part in the contract.
  virtual std::string_view next_key() = 0;
  // The next one is the session's backend from now on, TunnelHost::backend() its stream; the old one's is read to its
  // end elsewhere, unless `old_ended`. What it has sent behind its 101.
  virtual std::vector<std::uint8_t> adopt_next(bool old_ended) = 0;
  virtual std::string_view backend_name() const = 0;
  // The backend has sent a Close that would move the session: whether it may move, and there is somebody to take it.
  virtual bool may_follow_close() = 0;
  // The backend wants to go, has gone, or is lost: true where the session may move. Its handoff has begun then, and
  // maybe ended.
  virtual bool begin_handoff(HandoffStart start, websocket::CloseCode code) = 0;
  // Calls the handoff's on_deadline() then; replaces the deadline before.
  virtual void arm_handoff(MonotonicTime deadline) = 0;
  // It is over, and the handoff gone when this returns. `result`: none where the session ends by itself. `held_for`:
  // how long the client was held.
  virtual void on_handed_off(std::optional<observe::MoveResult> result, std::chrono::microseconds held_for) = 0;

 protected:
  ~HandoffHost() = default;
};

}  // namespace drover::proxy
