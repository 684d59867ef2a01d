// `drover ctl status`: what somebody wants to see first when something is wrong, on one screen. Pure.
#pragma once

#include <string>
#include <string_view>

#include "app/ctl_answers.h"
#include "app/ctl_table.h"

namespace drover::app {

// The bodies of the answers that it is made of.
struct StatusBodies {
  std::string health, ready, backends;
  std::string drains{};  // empty: of a Drover that has none
};

// `place`: whose status it is.
std::string status_screen(std::string_view place, const StatusBodies& bodies, const Screen& screen);
// {"health":…,"ready":…,"backends":…,"drains":…}, each as it came.
std::string status_json(const StatusBodies& bodies);

// Its states in one word or two, the weightiest first: "up", "maintenance, down".
Cell state_cell(const BackendAnswer& backend);

}  // namespace drover::app
