// Incremental parsing of heads: llhttp in strict mode plus the checks of http/strictness.h. A parser serves one
// message, on one thread. It never holds more than its limits, whatever the peer sends.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "http/head.h"

namespace drover::http {

struct HeadLimits {
  std::size_t max_head_size = 16 * 1024;  // bytes from the first to the empty line
  std::size_t max_headers = 100;
  std::size_t max_target = 8 * 1024;
};

struct Fed {
  bool complete = false;     // the head (feed) or the message (feed_body) is whole
  std::size_t consumed = 0;  // bytes of this input that belong to it; what follows is the caller's
};

// Errors, all Side::kClient: kBadRequest, kMethodNotAllowed (CONNECT), kTargetTooLong, kHeadTooLarge.
class RequestParser {
 public:
  explicit RequestParser(const HeadLimits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Once it has failed or completed it must not be fed again.
  Result<Fed> feed(Bytes input);
  // Whether any byte but leading CRLFs has come.
  bool started() const;
  // Only once feed() said complete. Valid as long as the parser.
  const RequestHead& head() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Errors, all Side::kBackend and kBadGateway: broken status line or headers, head over its limits, body framing broken.
// Interim answers (1xx but 101) are passed over.
class ResponseParser {
 public:
  explicit ResponseParser(const HeadLimits& limits);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  Result<Fed> feed(Bytes input);
  const ResponseHead& head() const;

  // For an answer other than 101, after feed() said complete: finds the end of the body (Content-Length, chunked,
  // or until the end of the connection). The bytes themselves are the caller's to pass on.
  Result<Fed> feed_body(Bytes input);
  // The same, and appends the payload to `payload`: what is left of the bytes without the framing of chunks.
  Result<Fed> feed_body(Bytes input, std::string& payload);
  // Whether the head says that there is no body at all (204, 304, Content-Length: 0).
  bool body_is_empty() const;
  // The connection ended here. True: the message is whole (a body that lasts until the end is), false: it was cut
  // short.
  bool finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::http
