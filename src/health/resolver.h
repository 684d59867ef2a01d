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
  Milliseconds ttl{0};                  // the smallest of the answer
  std::string reason;                   // of kNone and kFailed, for the log: "no such name", "timeout"
};

struct Answer {
  FamilyAnswer ipv4;
  FamilyAnswer ipv6;
};

class Resolver {
 public:
  // `nameservers` instead of the system's (/etc/resolv.conf) unless empty. Error: kConfiguration, with c-ares' reason.
  static Result<std::unique_ptr<Resolver>> make(net::Loop& loop, const std::vector<config::Endpoint>& nameservers);
  // Drops what is under way, without a word.
  virtual ~Resolver() = default;

  using Done = std::function<void(const Answer&)>;
  // Asks for both families. `done` is called once, from the loop and never from within resolve(); it may ask again,
  // but not destroy the resolver.
  virtual void resolve(const std::string& name, Done done) = 0;
};

}  // namespace drover::health
