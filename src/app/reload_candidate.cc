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

// Listeners that both have in the same place; what came or went is told as a difference of the configuration.
void note_tls_changes(ReloadCandidate& candidate, const Setup& in_force) {
  auto& next = candidate.setup.tls;
  const auto& before = in_force.tls;
  for (std::size_t index = 0; index < next.listeners.size() && index < before.listeners.size(); ++index) {
    auto& listener = next.listeners[index];
    const auto& its = before.listeners[index];
    if (!listener || !its) continue;
    if (listener->is_same_as(*its))
      listener = its;
    else
      candidate.changes.push_back("listeners[" + std::to_string(index) + "].tls: the files say something else");
  }
  if (!next.trusts || !before.trusts) return;
  if (next.trusts->is_same_as(*before.trusts))
    next.trusts = before.trusts;
  else
    candidate.changes.push_back("pools: backends' tls: the files say something else");
}

}  // namespace

ReloadCandidate read_candidate(const std::string& file, const Setup& in_force,
                               const std::shared_ptr<net::TicketKeys>& ticket_keys) {
  ReloadCandidate candidate;
  candidate.setup.file = in_force.file;
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
