// From paths to what contexts are made of.
#include "app/tls_material.h"

#include <sys/stat.h>

#include <algorithm>

namespace drover::app {

namespace {

using std::chrono::days;

constexpr days kConcern{14};

std::string readable_by_others(const std::string& key) {
  struct stat found{};
  if (::stat(key.c_str(), &found) != 0 || (found.st_mode & S_IROTH) == 0) return {};
  return key + ": everybody on this machine can read this key; 'chmod o-r' it";
}

std::shared_ptr<const net::TlsCertificate> load_certificate(const config::Certificate& files, const std::string& place,
                                                            LoadedTls& loaded) {
  const auto certificate = net::TlsCertificate::load(files.cert, files.key, files.ocsp);
  if (!certificate) {
    loaded.errors.push_back(place + ": " + certificate.error().detail);
    return nullptr;
  }
  if (const auto warning = readable_by_others(files.key); !warning.empty()) {
    loaded.warnings.push_back(place + ": " + warning);
  }
  return *certificate;
}

// What OpenSSL thinks of it is asked here, and not when a worker wants to listen.
void load_listener(const config::ListenerTls& tls, const std::string& place,
                   const std::shared_ptr<net::TicketKeys>& ticket_keys, LoadedTls& loaded) {
  const std::size_t errors_before = loaded.errors.size();
  net::TlsServerContext::Settings settings;
  settings.min_version = tls.min_version == config::TlsVersion::k13 ? net::TlsVersion::k13 : net::TlsVersion::k12;
  settings.ticket_keys = ticket_keys;
  for (std::size_t index = 0; index < tls.certificates.size(); ++index) {
    const std::string where = place + ".certificates[" + std::to_string(index) + "]";
    settings.certificates.push_back(load_certificate(tls.certificates[index], where, loaded));
  }
  if (!tls.client_ca.empty()) {
    auto trust = net::TlsTrust::load(tls.client_ca, "");
    if (!trust) loaded.errors.push_back(place + ".client_ca: " + trust.error().detail);
    if (trust) settings.client_trust = *std::move(trust);
  }
  if (loaded.errors.size() > errors_before) return;
  if (const auto tried = net::TlsServerContext::make(settings); !tried) {
    loaded.errors.push_back(place + ": " + tried.error().detail);
  }
  loaded.material.listeners.back() = std::move(settings);
}

void load_trusts(const config::Pool& pool, net::TlsTrusts& trusts, LoadedTls& loaded) {
  for (const auto& backend : pool.backends) {
    if (!backend.tls) continue;
    const std::string place = "pool '" + pool.name + "', backend '" + backend.name + "', tls: ";
    const net::TrustFiles files{backend.tls->verify, backend.tls->ca, backend.tls->crl};
    if (const auto added = trusts.add(files); !added) {
      loaded.errors.push_back(place + added.error().detail);
      continue;
    }
    const auto trust = trusts.of(files);
    if (trust == nullptr || trust->revocations_until() > std::chrono::system_clock::now()) continue;
    if (trust->revocations_until()) loaded.warnings.push_back(place + files.crl + ": overdue, so nobody is believed");
  }
}

}  // namespace

std::vector<std::shared_ptr<const net::TlsCertificate>> TlsMaterial::certificates() const {
  std::vector<std::shared_ptr<const net::TlsCertificate>> all;
  for (const auto& listener : listeners) {
    if (!listener) continue;
    for (const auto& certificate : listener->certificates) {
      const auto same = [&](const auto& other) { return other->file() == certificate->file(); };
      if (std::ranges::none_of(all, same)) all.push_back(certificate);
    }
  }
  return all;
}

LoadedTls load_tls(const config::Config& config, const std::shared_ptr<net::TicketKeys>& ticket_keys) {
  LoadedTls loaded;
  for (std::size_t index = 0; index < config.listeners.size(); ++index) {
    loaded.material.listeners.emplace_back();
    const auto& tls = config.listeners[index].tls;
    if (tls) load_listener(*tls, "listeners[" + std::to_string(index) + "].tls", ticket_keys, loaded);
  }
  auto trusts = std::make_shared<net::TlsTrusts>();
  for (const auto& pool : config.pools) load_trusts(pool, *trusts, loaded);
  loaded.material.trusts = std::move(trusts);
  return loaded;
}

std::string concern_about(const net::TlsCertificate& certificate, std::chrono::system_clock::time_point now) {
  if (now < certificate.not_before()) return "is not valid yet";
  const auto left = certificate.not_after() - now;
  if (left <= decltype(left)::zero()) return "has expired";
  if (left >= kConcern) return {};
  return "expires in " + std::to_string(std::chrono::floor<days>(left).count()) + " days";
}

}  // namespace drover::app
