// TLS towards servers, as a loop needs it: what the configured files say whom to believe, shared by all loops, and a
// context for each of these that is the loop's own.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <string>

#include "net/tls_context.h"
#include "net/tls_trust.h"

namespace drover::net {

// Whom to believe, by the files that say so: see TlsTrust::load().
struct TrustFiles {
  bool verify = true;  // false: whoever answers
  std::string ca;
  std::string crl;
  auto operator<=>(const TrustFiles&) const = default;
};

// Immutable once it is shared.
class TlsTrusts {
 public:
  // Nothing where they have been read. Errors of TlsTrust::load().
  Result<void> add(const TrustFiles& files);
  // What `others` have for files that they were added for; nothing where these have something.
  void add_from(const TlsTrusts& others, const TrustFiles& files) { trusts_.emplace(files, others.of(files)); }
  // Null where nobody is to be verified. They have been added.
  std::shared_ptr<const TlsTrust> of(const TrustFiles& files) const { return trusts_.at(files); }
  // Whether they are of the same files, which said the same.
  bool is_same_as(const TlsTrusts& other) const;

 private:
  std::map<TrustFiles, std::shared_ptr<const TlsTrust>> trusts_;
};

// One thread.
class TlsDialler {
 public:
  explicit TlsDialler(std::shared_ptr<const TlsTrusts> trusts) : trusts_(std::move(trusts)) {}

  // For files that have been added to the trusts. Error: kOwnResources.
  Result<const TlsClientContext*> context_for(const TrustFiles& files);
  const std::shared_ptr<const TlsTrusts>& trusts() const { return trusts_; }

 private:
  std::shared_ptr<const TlsTrusts> trusts_;
  std::map<TrustFiles, TlsClientContext> contexts_;
};

}  // namespace drover::net
