// Contexts are made when somebody needs one.
#include "net/tls_dialler.h"

#include <algorithm>

namespace drover::net {

Result<void> TlsTrusts::add(const TrustFiles& files) {
  if (trusts_.contains(files)) return {};
  std::shared_ptr<const TlsTrust> trust;
  if (files.verify) {
    auto loaded = TlsTrust::load(files.ca, files.crl);
    if (!loaded) return std::unexpected(loaded.error());
    trust = *std::move(loaded);
  }
  trusts_.emplace(files, std::move(trust));
  return {};
}

bool TlsTrusts::is_same_as(const TlsTrusts& other) const {
  return std::ranges::equal(trusts_, other.trusts_, [](const auto& one, const auto& another) {
    if (one.first != another.first || !one.second != !another.second) return false;
    return !one.second || one.second->is_same_as(*another.second);
  });
}

Result<const TlsClientContext*> TlsDialler::context_for(const TrustFiles& files) {
  const auto known = contexts_.find(files);
  if (known != contexts_.end()) return &known->second;
  auto made = TlsClientContext::make(trusts_->of(files));
  if (!made) return std::unexpected(made.error());
  return &contexts_.emplace(files, *std::move(made)).first->second;
}

}  // namespace drover::net
