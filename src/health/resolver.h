// DNS names to addresses without blocking, over c-ares (hosts file, then DNS). One thread, the loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "net/address.h"
#include "net/loop.h"

namespace drover::health {

// What is known of one family, A or AAAA, after a query.
struct FamilyAnswer {
  enum class Outcome : std::uint8_t {
    kAddresses,  // some
    kNone,       // the name, or that family of it, does not exist
    kFailed,     // nobody could say: timeout, SERVFAIL, refused, …
  };
  Outcome outcome = Outcome::kFailed;
  std::vector<net::Address> addresses;  // sorted, each once; port 0
  Milliseconds ttl{0};                  // of kAddresses: the smallest of the answer, CNAMEs included; or kHostsFileTtl
  std::string reason;                   // of kNone and kFailed, for the log: "no such name", "timeout"
};

struct Answer {
  FamilyAnswer ipv4;
  FamilyAnswer ipv6;
};

// What the hosts file says has no lifetime of its own: whoever asks may ask again whenever it likes. A week, so that it
// can be added to a time.
constexpr Milliseconds kHostsFileTtl = std::chrono::days(7);

struct ResolverOptions {
  Milliseconds timeout{2'000};  // of the first try; c-ares doubles it for each further one of the same server
  int tries = 2;                // of each name server
  std::string resolv_conf = "/etc/resolv.conf";
  std::uint16_t port = 53;  // of the name servers in it
};

class Resolver {
 public:
  // `nameservers` instead of the system's (resolv.conf) unless empty; search domains and options are the system's. A
  // resolv.conf that has changed is read again, and what is under way then asked anew. Error: kConfiguration, with
  // c-ares' reason.
  static Result<std::unique_ptr<Resolver>> make(net::Loop& loop, const std::vector<config::Endpoint>& nameservers,
                                                const ResolverOptions& options = {});
  // Drops what is under way, without a word.
  virtual ~Resolver() = default;

  using Done = std::function<void(const Answer&)>;
  // Asks for both families; the servers are asked only where the hosts file has neither. `done` is called once, from
  // the loop and never from within resolve(); it may ask again, but not destroy the resolver.
  virtual void resolve(const std::string& name, Done done) = 0;
};

}  // namespace drover::health
