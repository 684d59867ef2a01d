// /api/v1/sessions: who is connected, where to, and sending somebody away. Workers have to be asked, so all of these
// reply later.
#pragma once

#include "admin/call.h"

namespace drover::admin {

// GET /api/v1/sessions?pool=&backend=&client=&limit=&cursor=: a page of them, 1,000 at most. An empty parameter is as
// none. 400 for a query that makes no sense, 404 for an unknown pool or backend.
void list_sessions(const Call& call, Done done);

// GET /api/v1/sessions/{id}; 404.
void show_session(const Call& call, Done done);

// DELETE /api/v1/sessions/{id}: closes it with 1001; 404.
void close_session(const Call& call, Done done);

}  // namespace drover::admin
