// What the handlers of the admin API are given. They do no I/O: they look at what the source tells, change what it
// hands out, and give a reply: at once, or later where workers have to be asked.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/reply.h"
#include "admin/source.h"
#include "base/clock.h"
#include "http/head.h"
#include "net/address.h"

namespace drover::admin {

struct Request {
  const http::RequestHead& head;
  std::string_view body;  // whole
  const net::Address& peer;
  MonotonicTime now;
};

// Gone when the handler returns, whether it has replied or not.
struct Call {
  const Request& request;
  const std::vector<std::string>& parameters;  // one for each {…} of the path, decoded
  const Source& source;
};

// Takes the reply of a handler that could not give it at once. Whoever asked may be gone by then.
using Done = std::function<void(const Reply&)>;

}  // namespace drover::admin
