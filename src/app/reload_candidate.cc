// The loader's diagnostics and those of the TLS files, then the two differences.
#include "app/reload_candidate.h"

#include <utility>

#include "config/difference.h"
#include "config/load.h"

namespace drover::app {

namespace {

void append(std::vector<std::string>& to, const std::vector<std::string>& what, const std::string& prefix) {
  for (const auto& one : what) to.push_back(prefix + one);
}

// Files that are called as they were. Where other files are named, that is a difference of the configuration.
void note_tls_changes(ReloadCandidate& candidate, const Setup& in_force) {
  auto& next = candidate.setup;
  for (std::size_t index = 0; index < next.tls.listeners.size() && index < in_force.tls.listeners.size(); ++index) {
    auto& listener = next.tls.listeners[index];
    const auto& its = in_force.tls.listeners[index];
    if (!listener || !its || next.config.listeners[index].tls != in_force.config.listeners[index].tls) continue;
    if (listener->is_same_as(*its)) {
      listener = its;
    } else {
      candidate.changes.push_back("listener '" + next.config.listeners[index].bind.text +
                                  "': what is in the files of 'tls' has changed");
    }
  }
  if (next.tls.trusts->is_same_as(*in_force.tls.trusts)) {
    next.tls.trusts = in_force.tls.trusts;
  } else if (next.config.pools == in_force.config.pools) {
    candidate.changes.emplace_back("pools: what is in the files of backends' 'tls' has changed");
  }
}

}  // namespace

ReloadCandidate read_candidate(const std::string& file, const Setup& in_force,
                               const std::shared_ptr<net::TicketKeys>& ticket_keys) {
  ReloadCandidate candidate;
  candidate.setup.file = in_force.file;
  candidate.setup.ticket_keys = ticket_keys;
  auto loaded = config::load_file(file);
  for (const auto& diagnostic : loaded.diagnostics.list()) {
    auto& list = diagnostic.severity == config::Severity::kError ? candidate.errors : candidate.warnings;
    list.push_back(diagnostic.text());
  }
  if (!loaded.config) return candidate;
  candidate.setup.config = *std::move(loaded.config);
  auto tls = load_tls(candidate.setup.config, ticket_keys);
  append(candidate.errors, tls.errors, file + ": error: ");
  append(candidate.warnings, tls.warnings, file + ": warning: ");
  append(candidate.errors, config::not_live(in_force.config, candidate.setup.config), file + ": error: ");
  candidate.setup.tls = std::move(tls.material);
  candidate.changes = config::differences(in_force.config, candidate.setup.config);
  if (candidate.errors.empty()) note_tls_changes(candidate, in_force);
  return candidate;
}

}  // namespace drover::app
