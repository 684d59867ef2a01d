// Warns in the log of certificates that are about to expire, or have: at the start, and once a day. One thread, the
// loop's.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "net/loop.h"
#include "net/tls_certificate.h"

namespace drover::app {

class CertificateWatch final : net::TimerWheel::Node {
 public:
  CertificateWatch(net::Loop& loop, std::vector<std::shared_ptr<const net::TlsCertificate>> certificates);
  ~CertificateWatch();
  CertificateWatch(const CertificateWatch&) = delete;
  CertificateWatch& operator=(const CertificateWatch&) = delete;

 private:
  void on_deadline() noexcept override;

  net::Loop& loop_;
  const std::vector<std::shared_ptr<const net::TlsCertificate>> certificates_;
};

}  // namespace drover::app
