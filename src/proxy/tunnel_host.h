// What a tunnel needs of the session that owns it: its two streams, the time, one deadline, and somebody to tell how
// it ended. One thread.
#pragma once

#include <chrono>

#include "balancer/traffic.h"
#include "base/clock.h"
#include "net/byte_stream.h"
#include "observe/access_log.h"
#include "observe/pool_counters.h"

namespace drover::proxy {

class TunnelHost {
 public:
  virtual net::ByteStream& client() = 0;
  virtual net::ByteStream& backend() = 0;
  // What this thread counts for the tunnel's pool, and for the backend that it leads to now.
  struct Books {
    observe::PoolCounters& pool;
    balancer::Traffic& backend;
  };
  virtual Books books() = 0;
  // A ping of Drover's own has measured the way to the backend and back.
  virtual void note_backend_round_trip(std::chrono::microseconds round_trip) = 0;
  // The backend is lost: when the client is told so, that all clients of its pool's lost backends keep to `pace` a
  // second.
  virtual MonotonicTime farewell_slot(double pace) = 0;
  virtual MonotonicTime now() const = 0;  // cached a turn of the loop
  // Reads the clock; for round-trip times.
  virtual std::chrono::microseconds precise_now() const = 0;
  // Calls the tunnel's on_deadline() then; replaces the deadline before.
  virtual void arm(MonotonicTime deadline) = 0;
  // What ended it: the first call counts. Whether this one was it.
  virtual bool note_end(observe::Initiator initiator, observe::Why why) = 0;
  // Ends the session at once: both streams close. Safe in any callback.
  virtual void finish() = 0;
  // From the streams' on_closed(), once each.
  virtual void on_stream_closed() = 0;

 protected:
  ~TunnelHost() = default;
};

}  // namespace drover::proxy
