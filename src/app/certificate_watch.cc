// By the wall clock, which is what a certificate's dates are about.
#include "app/certificate_watch.h"

#include "app/tls_material.h"
#include "base/log.h"

namespace drover::app {

namespace {

constexpr std::chrono::hours kEvery{24};

}  // namespace

CertificateWatch::CertificateWatch(net::Loop& loop,
                                   std::vector<std::shared_ptr<const net::TlsCertificate>> certificates)
    : loop_(loop), certificates_(std::move(certificates)) {
  if (!certificates_.empty()) on_deadline();
}

CertificateWatch::~CertificateWatch() {
  loop_.wheel().disarm(*this);
}

void CertificateWatch::on_deadline() noexcept {
  for (const auto& certificate : certificates_) {
    const auto concern = concern_about(*certificate, std::chrono::system_clock::now());
    if (!concern.empty()) log::warn("certificate", {{"file", certificate->file()}, {"concern", concern}});
  }
  loop_.arm(*this, loop_.now() + kEvery);
}

}  // namespace drover::app
