// What a head must be beyond llhttp's strict mode, which accepts obs-fold, any number of Hosts, empty header names and
// HTTP/0.9, and knows no limits. Pure functions over one line or one whole head. Errors are worded and coded as the
// client's (kBadRequest, kMethodNotAllowed, kTargetTooLong); the response parser turns them into the backend's.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "http/head.h"

namespace drover::http {

// Control characters but HTAB: NUL, a bare CR, DEL and the rest; RFC 9110 section 5.5.
bool has_control(std::string_view line);

struct RequestLine {
  std::string_view method;
  std::string_view target;
  unsigned minor_version = 1;
};

// What can be refused before the line is whole, so that neither garbage (a TLS handshake on a plain port) nor an
// endless target is waited for. A line that fails here fails with any continuation too.
Result<void> check_request_line_start(std::string_view so_far, std::size_t max_target);
Result<RequestLine> read_request_line(std::string_view line);

struct StatusLine {
  unsigned status = 0;
  std::string_view reason;
  unsigned minor_version = 1;
};

Result<void> check_status_line_start(std::string_view so_far);
Result<StatusLine> read_status_line(std::string_view line);

// One line, without its CRLF, into name and value (without the white space around it). `number` counts from 1 and
// goes into the error's detail.
Result<Header> read_header_line(std::string_view line, std::size_t number);

// uri-host [ ":" port ], RFC 9110 section 7.2, without the comma that RFC 3986 would allow: a proxy on the way may
// have joined two Hosts with it.
bool is_host(std::string_view value);

// Exactly one valid Host, and a target whose form suits the method and agrees with it, RFC 9112 section 3.2.
Result<void> check_addressing(const RequestHead& head);

enum class Framing : std::uint8_t {
  kNone,     // neither header: no body in a request, one until the end of the connection in a response
  kLength,   // Content-Length
  kChunked,  // Transfer-Encoding
};

struct BodyFraming {
  Framing framing = Framing::kNone;
  std::uint64_t length = 0;  // kLength only
};

// How the headers say that the body ends, RFC 9112 section 6.3; every ambiguity is an error.
Result<BodyFraming> read_framing(const HeaderList& head, unsigned minor_version);

}  // namespace drover::http
