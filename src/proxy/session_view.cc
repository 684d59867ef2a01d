// From a session's insides to plain values, on its worker's thread.
#include "proxy/session_view.h"

#include "proxy/mobility.h"
#include "proxy/session.h"
#include "proxy/session_id.h"
#include "proxy/worker.h"

namespace drover::proxy {

SessionView Session::view() const {
  SessionView view;
  view.id = to_text({worker_.index(), number_});
  view.resume_id = resume_id();
  view.client = peer_.text();
  view.pool = pool_name();
  view.backend = backend_name();
  view.path = texts_[kPath];
  view.subprotocol = texts_[kSubprotocol];
  view.state = name_of(state_);
  view.age = now() - started_;
  if (tunnel_) {
    view.messages_in = tunnel_->to_backend().messages();
    view.messages_out = tunnel_->to_client().messages();
    view.bytes_in = tunnel_->to_backend().bytes();
    view.bytes_out = tunnel_->to_client().bytes();
  }
  view.queued = client_.stream().queued() + serving_->stream().queued();
  if (mobility_) view.moves = mobility_->moved();
  return view;
}

}  // namespace drover::proxy
