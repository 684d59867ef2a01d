// Tells systemd (Type=notify) how far Drover is. Does nothing where nobody asked: $NOTIFY_SOCKET is not set.
#pragma once

#include <string_view>

namespace drover::app {

// `state` as in sd_notify(3): "READY=1". Never waits; failures are ignored, as the protocol wants it.
void systemd_notify(std::string_view state);
// A reload begins; READY=1 is to follow, whatever comes of it.
void systemd_notify_reloading();

}  // namespace drover::app
