// A session before its tunnel: reads the request head, checks and routes it, has the connector find a backend, and
// gives the client its answer, 101 or another. Handler of the client's stream; exists only until the tunnel begins or
// the session ends. One thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/forwarding.h"
#include "http/head_parser.h"
#include "migration/resume_token.h"
#include "net/byte_stream.h"
#include "proxy/connector.h"
#include "proxy/listener.h"
#include "proxy/reconnection.h"
#include "proxy/session.h"
#include "proxy/worker_snapshot.h"
#include "websocket/handshake.h"

namespace drover::proxy {

class Handshake final : public net::ByteStream::Handler {
 public:
  Handshake(Session& session, std::shared_ptr<const Listener> listener);
  ~Handshake();

  void start();
  // An answer of Drover's own; the session ends once the client has had time to read it.
  void answer(const Error& error);
  void on_deadline();
  // Whether the client has sent anything yet.
  bool started() const { return parser_.started(); }

  // From the connector, once each. The handshake and the connector may be gone when upgraded() returns.
  void upgraded(const http::ResponseHead& head, const websocket::UpgradeAnswer& answer, Bytes behind);
  void refused(const http::ResponseHead& head);
  // A part of the refusal's body, and its end; `cut` where the backend broke off.
  enum class BodyEnd : std::uint8_t { kWhole, kCut };
  void refusal_body(Bytes part);
  void refusal_ended(BodyEnd end);

  const http::RequestHead& request() const { return parser_.head(); }
  const websocket::UpgradeRequest& asked() const { return *asked_; }
  const WorkerSnapshot& snapshot() const { return *snapshot_; }
  const balancer::Pool& pool() const { return *pool_; }
  const std::string& request_id() const { return request_id_; }
  // The name of the backend that the client's token prefers; empty: none.
  const std::string& preferred_backend() const { return preferred_backend_; }
  // The head for a backend. Of `lines` the handshake itself knows whether the session is resumed.
  std::string forwarded_head(http::DialLines lines);

 private:
  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream& stream) noexcept override;
  void on_closed(net::ByteStream& stream) noexcept override;

  void on_head_bytes(Bytes bytes);
  void hold(Bytes bytes);
  std::optional<std::string> own_answer() const;
  void give(std::string_view own_answer);
  Result<void> accept_request(std::optional<websocket::UpgradeRequest> upgrade);
  Result<void> resume();
  Result<migration::ResumeToken> open_token() const;
  http::Scheme scheme() const;
  http::PeerTrust trust() const;
  void make_open_head();
  void note_handoff(const http::ResponseHead& head, const websocket::UpgradeAnswer& answer,
                    Session::TunnelBeginning& beginning);
  void keep_opt_in();
  Result<const Router::Target*> route(websocket::UpgradeRequest const* upgrade) const;
  void end_silence();
  void linger();
  void finish_if_read();
  void remember(std::string_view subprotocol, std::string_view detail);

  Session& session_;
  const std::shared_ptr<const Listener> listener_;
  std::shared_ptr<const WorkerSnapshot> snapshot_;
  http::RequestParser parser_;
  const Router::Target* target_ = nullptr;  // lives in snapshot_
  const balancer::Pool* pool_ = nullptr;    // likewise
  std::optional<websocket::UpgradeRequest> asked_;
  Reconnection reconnection_;
  std::string preferred_backend_;
  // Of a session that goes on as another: the id that it would have had.
  std::string fresh_id_;
  std::string open_head_;  // for http::head_for_dial(); made for the first dial
  std::string request_id_;
  std::chrono::steady_clock::time_point asked_at_;  // when the head was whole
  std::vector<std::uint8_t> held_;                  // frames that came before the 101
  bool head_complete_ = false;
  bool client_finished_ = false;  // it has sent its FIN, and still reads
  std::unique_ptr<Connector> connector_;
};

}  // namespace drover::proxy
