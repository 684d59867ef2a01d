// What the admin server answers: from a request's head and the status to the bytes of a whole response. GET changes
// nothing. No I/O here.
#pragma once

#include <string>

#include "admin/status.h"
#include "base/error.h"
#include "http/head.h"

namespace drover::admin {

// The answer to any request whose head could be parsed. The status is asked for only where the answer tells it.
std::string answer_request(const http::RequestHead& head, const StatusSource& source);

// The answer to what is no request, with the status of http::status_of() and {"error":"…"}.
std::string answer_error(const Error& error);

}  // namespace drover::admin
