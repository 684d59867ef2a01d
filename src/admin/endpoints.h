// What the admin server answers: from a request to the bytes of a whole response. The table of paths is in
// endpoints.cc, the handlers are in files by subject. GET changes nothing. No I/O here. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "admin/access.h"
#include "admin/call.h"
#include "admin/source.h"
#include "base/error.h"
#include "http/head.h"

namespace drover::admin {

class Endpoints {
 public:
  static constexpr std::size_t kMaxBody = 64 * 1024;  // bytes

  Endpoints(Source source, Access access) : source_(std::move(source)), access_(std::move(access)) {}

  // For requests that come from now on.
  void set_access(Access access) { access_ = std::move(access); }

  // How many bytes behind the head answer() wants as the body, kMaxBody at most. 0 too where the head is refused: a
  // body that nobody reads is not waited for.
  std::size_t body_size(const http::RequestHead& head) const;

  // The answer to any request whose head could be parsed goes to `respond`, once: from inside this call, or later where
  // workers have to be asked, and then never if they never answer. The request is not looked at after this call, and
  // the source is asked only where the answer tells it.
  void answer(const Request& request, std::function<void(const std::string& response)> respond);

 private:
  void log_unauthorized(const Request& request);

  const Source source_;
  Access access_;
  MonotonicTime unauthorized_logged_at_{Milliseconds(INT64_MIN / 2)};
  std::uint64_t unauthorized_unlogged_ = 0;
};

// The answer to what is no request, with the status of http::status_of() and {"error":"…"}.
std::string answer_error(const Error& error);

// 504: the workers were asked for the answer to `head`, and have not told it in time.
std::string answer_unanswered(const http::RequestHead& head);

}  // namespace drover::admin
