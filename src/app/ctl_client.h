// Asks the admin port over HTTP, and tells a refusal from an answer.
#pragma once

#include <string>
#include <string_view>

#include "app/ctl_admin_port.h"
#include "base/clock.h"
#include "base/error.h"

namespace drover::app {

// An error's detail is a sentence for people: what was wrong, where, and what to do about it.
class CtlClient {
 public:
  static constexpr std::size_t kMostBytes = 16 * 1024 * 1024;  // of an answer

  // `timeout` begins now and is for all that will be asked together; resolving a name takes what the resolver takes.
  CtlClient(AdminPort port, Milliseconds timeout);

  struct Answer {
    unsigned status = 0;
    std::string body;  // JSON
  };
  // Whatever the status. `target` is the path with its query, percent-encoded; `body` is JSON, or nothing. Errors:
  // kAddress, kConnectFailed, kConnectTimeout, kBadGateway for what is no whole answer in HTTP and JSON.
  Result<Answer> ask(std::string_view method, std::string_view target, std::string_view body = {}) const;
  // The body of a 2xx. Error, besides those of ask(): kUnavailable with the sentence of the refusal.
  Result<std::string> get(std::string_view target) const { return demand("GET", target, {}); }
  Result<std::string> demand(std::string_view method, std::string_view target, std::string_view body) const;

  // What is wrong where an answer is no 2xx: kUnavailable, with the sentence of the refusal.
  Error refusal(const Answer& answer) const;

  const std::string& place() const { return port_.address.text; }

 private:
  Result<Answer> exchange(const std::string& request) const;

  const AdminPort port_;
  const Milliseconds timeout_;
  const MonotonicTime deadline_;
};

// All but the unreserved characters of RFC 3986 section 2.3: a segment of a path, or a value in a query.
std::string percent_encoded(std::string_view text);

}  // namespace drover::app
