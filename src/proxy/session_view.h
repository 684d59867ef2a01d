// What is told of a session to somebody who asks from another thread: plain values, as they were at one moment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace drover::proxy {

struct SessionView {
  std::string id, resume_id;
  std::string client;   // "1.2.3.4:5"
  std::string pool;     // empty: not routed yet
  std::string backend;  // empty: none yet
  std::string path;     // without the query
  std::string subprotocol;
  std::string_view state;  // "tunnelling", …: name_of(State)
  Milliseconds age{0};
  std::uint64_t messages_in = 0, messages_out = 0;  // in: from the client
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t queued = 0;  // bytes that wait for either side
  unsigned moves = 0;        // to another backend
};

// Which sessions; an empty text is any.
struct SessionQuery {
  std::string pool, backend;
  std::string client;  // an address, with or without its port
  std::string cursor;  // of the page before; empty: from the first on
  unsigned limit = 100;
};

struct SessionPage {
  std::vector<SessionView> sessions;
  std::string cursor;  // empty: these were the last
};

}  // namespace drover::proxy
