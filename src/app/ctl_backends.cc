// DESIGN section 10: POST /api/v1/backends/{pool}/{name}/ready and …/maintenance, PUT …/weight.
#include "app/ctl_backends.h"

#include <algorithm>
#include <string_view>

#include "app/ctl_client.h"
#include "app/ctl_figures.h"
#include "config/text.h"

namespace drover::app {

namespace {

using Verb = CtlLine::Verb;

std::string full_name(const BackendAnswer& backend) {
  return backend.pool + "/" + backend.name;
}

std::unexpected<Error> not_found(const std::vector<PoolAnswer>& pools, const std::string& written) {
  std::vector<std::string> names;
  for (const auto& pool : pools) {
    for (const auto& backend : pool.backends) {
      names.push_back(full_name(backend));
      names.push_back(backend.name);
    }
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto hint = config::did_you_mean(written, candidates);
  return fail(Code::kUnavailable, Side::kDrover,
              "no backend " + config::in_quotes(written) + (hint.empty() ? "; drover ctl status lists them" : hint));
}

// Of what `line` changes: what it shall be, and what it was.
std::string asked(const CtlLine& line) {
  switch (line.verb) {
    case Verb::kReady: return "ready";
    case Verb::kMaintenance: return "maintenance";
    default: return std::to_string(line.weight);
  }
}

std::string had(const CtlLine& line, const BackendAnswer& before) {
  if (line.verb != Verb::kWeight) return printable(before.operator_state);
  return before.weight ? std::to_string(*before.weight) : "unknown";
}

}  // namespace

Result<BackendAnswer> pick_backend(const std::vector<PoolAnswer>& pools, const std::string& written) {
  std::vector<BackendAnswer> found;
  for (const auto& pool : pools) {
    for (const auto& backend : pool.backends) {
      if (written != backend.name && written != full_name(backend)) continue;
      // Where an address has changed, one of that name is leaving and another one has come.
      const auto twin = std::ranges::find(found, full_name(backend), full_name);
      if (twin == found.end()) {
        found.push_back(backend);
      } else if (twin->leaving) {
        *twin = backend;
      }
    }
  }
  if (found.empty()) return not_found(pools, written);
  if (found.size() == 1) return found.front();
  std::string names;
  for (const auto& backend : found) names.append(names.empty() ? "" : ", ").append(printable(full_name(backend)));
  return fail(Code::kUnavailable, Side::kDrover,
              config::in_quotes(written) + " is more than one backend: name one of " + names);
}

Change change_of(const CtlLine& line, const BackendAnswer& backend) {
  const std::string path =
      "/api/v1/backends/" + percent_encoded(backend.pool) + "/" + percent_encoded(backend.name) + "/";
  if (line.verb != Verb::kWeight) return {"POST", path + asked(line), ""};
  return {"PUT", path + "weight", R"({"weight":)" + asked(line) + "}"};
}

std::string change_text(const CtlLine& line, const BackendAnswer& before, const std::string& note) {
  const auto now = asked(line);
  const auto was = had(line, before);
  std::string text = printable(full_name(before)) + (line.verb == Verb::kWeight ? ": weight " : ": ") + now;
  text.append(now == was ? ", as before" : " (was " + was + ")");
  if (!note.empty()) text.append("; ").append(printable(note));
  return text.append("\n");
}

}  // namespace drover::app
