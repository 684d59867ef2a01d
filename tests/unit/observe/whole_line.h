// A line with all of its fields, for the tests of both formats.
#pragma once

#include "observe/access_log.h"

namespace drover::observe {

inline SessionLine whole_line() {
  SessionLine line;
  line.id = "a1";
  line.resume_id = "b2";
  line.request_id = "c3";
  line.client = "127.0.0.1:5";
  line.route = "*";
  line.pool = "chat";
  line.backend = "web-1";
  line.attempts = 2;
  line.status = 101;
  line.path = "/ws";
  line.subprotocol = "mqtt";
  line.duration = Milliseconds(1234);
  line.messages_in = 1;
  line.messages_out = 2;
  line.bytes_in = 3;
  line.bytes_out = 18446744073709551615U;
  line.close_code_client = 1000;
  line.close_code_backend = 1005;
  line.rtt_client = std::chrono::microseconds(412);
  line.rtt_backend = std::chrono::microseconds(1'002'003);
  line.initiator = Initiator::kBackend;
  line.why = Why::kBackendLost;
  line.detail = "gone";
  return line;
}

}  // namespace drover::observe
