// Whom to believe: the authorities that the other side's certificate may come from, and what they have revoked. Read
// from files once, then shared by all threads.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "net/openssl.h"

namespace drover::net {

class TlsTrust {
 public:
  // PEM. `ca` empty: the authorities of the system. `crl` empty: nothing is revoked; with one, every certificate on the
  // way to the root needs a list of its issuer's. Blocks on the disk. Errors: kConfiguration, with file and reason.
  static Result<std::shared_ptr<const TlsTrust>> load(const std::string& ca, const std::string& crl);

  // For the contexts of this folder. OpenSSL locks it where it has to.
  x509_store_st* store() const { return store_.get(); }
  // When the first of the lists of revoked certificates is overdue: from then on nobody is believed. None: no list.
  std::optional<std::chrono::system_clock::time_point> revocations_until() const { return revocations_until_; }
  // SHA-256 of what `ca` has.
  const std::array<std::uint8_t, 32>& digest() const { return digest_; }
  // Whether their files said the same. The system's authorities are always the same.
  bool is_same_as(const TlsTrust& other) const {
    return digest_ == other.digest_ && revocations_digest_ == other.revocations_digest_;
  }

 private:
  TlsTrust() = default;
  Result<void> read_authorities(const std::string& file);
  Result<void> read_revocations(const std::string& file);

  OpenSslOwner<x509_store_st> store_;
  std::array<std::uint8_t, 32> digest_{};
  std::array<std::uint8_t, 32> revocations_digest_{};  // SHA-256 of what `crl` has
  std::optional<std::chrono::system_clock::time_point> revocations_until_;
};

}  // namespace drover::net
