// What is kept of a client that may be asked to reconnect: rare beside the sessions that never say they understand it,
// so it is a part of its own. And what it is told when its session moves.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/forwarding.h"
#include "http/head.h"
#include "migration/messages.h"
#include "migration/resume_token.h"

namespace drover::proxy {

struct OptIn {
  std::string url;     // the client's own, as it would open it again: drover_migrate kept, an old token dropped
  bool asked = false;  // the client said so itself; else only `notify: always` has it told
  std::optional<MonotonicTime> moved_at{};  // when a rebalance last asked it to reconnect, or it came so
};

// The URL that the client has opened, as it sees it: a trusted peer's X-Forwarded-Proto and -Host say it better than
// `scheme`, the listener's, and Host.
std::string own_url(const http::RequestHead& request, http::Scheme scheme, http::PeerTrust trust);

// The text that asks the client to come back as `session`, whose expiry is set here, by `now`: a minute after the
// message's deadline, and whose token `keys` sign. Without an endpoint in `message` it is the client's own. Empty:
// there can be no token now.
std::string migrate_text(const OptIn& client, const migration::TokenKeys& keys, migration::ResumeToken session,
                         migration::MigrateConnection message, migration::WallClock::time_point now);

}  // namespace drover::proxy
