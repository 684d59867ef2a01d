// What the TLS files of a configuration have, read and checked once, before there are workers.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "http/answer.h"
#include "net/tls_context.h"
#include "net/tls_dialler.h"

namespace drover::app {

struct TlsMaterial {
  // In the order of config.listeners; none: plain.
  std::vector<std::optional<net::TlsServerContext::Settings>> listeners;
  std::shared_ptr<const net::TlsTrusts> trusts;  // of all backends

  // Each file once.
  std::vector<std::shared_ptr<const net::TlsCertificate>> certificates() const;
};

// A configuration that can be started with.
struct Setup {
  config::Config config;
  TlsMaterial tls;                               // its own
  std::string file;                              // to read again for a reload, absolute; empty: there is none
  std::shared_ptr<net::TicketKeys> ticket_keys;  // of all listeners, now and after a reload
  std::shared_ptr<const http::Page> page{};      // at '/' of all listeners; null: none
};

struct LoadedTls {
  TlsMaterial material;               // usable where there are no errors
  std::vector<std::string> errors;    // all of them: "listeners[0].tls.certificates[1]: /etc/…: why"
  std::vector<std::string> warnings;  // likewise; not of how long certificates are valid
};
// Blocks on the disk. `ticket_keys` is for all listeners.
LoadedTls load_tls(const config::Config& config, const std::shared_ptr<net::TicketKeys>& ticket_keys);

// What to tell an operator of a certificate's validity at `now`: "expires in 9 days"; empty: nothing.
std::string concern_about(const net::TlsCertificate& certificate, std::chrono::system_clock::time_point now);

}  // namespace drover::app
