// Owners of OpenSSL's objects, without its headers: those stand in .cc files alone.
#pragma once

#include <memory>

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct x509_st;
struct x509_store_st;
struct evp_pkey_st;
struct bio_st;

namespace drover::net {

struct FreeOpenSsl {
  void operator()(ssl_st* ssl) const noexcept;
  void operator()(ssl_ctx_st* context) const noexcept;
  void operator()(ssl_session_st* session) const noexcept;
  void operator()(x509_st* certificate) const noexcept;
  void operator()(x509_store_st* store) const noexcept;
  void operator()(evp_pkey_st* key) const noexcept;
  void operator()(bio_st* bio) const noexcept;
};

template <class Object>
using OpenSslOwner = std::unique_ptr<Object, FreeOpenSsl>;

}  // namespace drover::net
