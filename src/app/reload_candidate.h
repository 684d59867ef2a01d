// What the configuration file and the files that it names say now, beside what is in force: whether it could be, and
// what would change. Changes nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/tls_material.h"
#include "config/config.h"
#include "net/ticket_keys.h"

namespace drover::app {

struct ReloadCandidate {
  Setup setup;                        // usable where there are no errors
  std::vector<std::string> errors;    // "chat.yaml:12:5: error: unknown key …"; all of them
  std::vector<std::string> warnings;  // likewise
  std::vector<std::string> changes;   // "limits.max_connections"; empty: what is in force already
};

// Blocks on the disk. TLS files that say what they said are those of `in_force`, so that what goes by them can stay.
ReloadCandidate read_candidate(const std::string& file, const Setup& in_force,
                               const std::shared_ptr<net::TicketKeys>& ticket_keys);

}  // namespace drover::app
