// What the admin server answers: from a request to the bytes of a whole response. The table of paths is in
// endpoints.cc, the handlers are in files by subject. GET changes nothing. No I/O here. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "admin/call.h"
#include "admin/source.h"
#include "base/error.h"
#include "http/head.h"

namespace drover::admin {

class Endpoints {
 public:
  static constexpr std::size_t kMaxBody = 64 * 1024;  // bytes

  explicit Endpoints(Source source) : source_(std::move(source)) {}

  // How many bytes behind the head answer() wants as the body, kMaxBody at most. 0 too where the head is refused: a
  // body that nobody reads is not waited for.
  std::size_t body_size(const http::RequestHead& head) const;

  // The answer to any request whose head could be parsed. The source is asked only where the answer tells it.
  std::string answer(const Request& request) const;

 private:
  const Source source_;
};

// The answer to what is no request, with the status of http::status_of() and {"error":"…"}.
std::string answer_error(const Error& error);

}  // namespace drover::admin
