// A session's id names one session of one process: 16 hexadecimal digits that look random, and from which this process
// can tell the worker and the session's number there. So nobody needs an index of ids, and a list of sessions can go on
// behind the one where it stopped. No secret: it authorizes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drover::proxy {

struct SessionId {
  unsigned worker = 0;       // below 65,536
  std::uint64_t number = 0;  // counts the worker's sessions from 0; below 2^48
  bool operator==(const SessionId&) const = default;
};

// Any thread. The key is drawn once a process, so two processes give different ids.
std::string to_text(SessionId id);
// None: it is no id. An id of another process may seem to be one of a session that is not there.
std::optional<SessionId> session_id_from(std::string_view text);

}  // namespace drover::proxy
