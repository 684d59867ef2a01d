// `drover ctl sessions`: pages of sessions, and what is shown of them.
#pragma once

#include <string>

#include "app/ctl_answers.h"
#include "app/ctl_client.h"
#include "app/ctl_command_line.h"
#include "app/ctl_table.h"
#include "base/error.h"

namespace drover::app {

// As many as `line` asks for, over as many pages as that takes; a cursor is left where there are more. Errors: those
// of the client, and kBadGateway for pages that do not get on.
Result<SessionsAnswer> list_sessions(const CtlClient& client, const CtlLine& line);

std::string sessions_table(const SessionsAnswer& sessions, const Screen& screen);
// A line where there are more than these, else empty.
std::string more_sessions_note(const SessionsAnswer& sessions);
// One session in full, a line a field.
std::string session_text(const SessionAnswer& session);

}  // namespace drover::app
