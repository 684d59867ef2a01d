// Finds a session its backend: takes candidates from the pool's policy in turn, dials, sends the request, and reads the
// answer's head, until one answers or `attempts` or `timeouts.upgrade` is used up. Handler of the backend's stream
// before the tunnel. One thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balancer/backend.h"
#include "balancer/eligibility.h"
#include "balancer/policy.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/head_parser.h"
#include "net/byte_stream.h"

namespace drover::proxy {

class Handshake;
class Session;

class Connector final : public net::ByteStream::Handler {
 public:
  Connector(Session& session, Handshake& handshake, std::size_t pool);

  // Its end is one of Handshake's upgraded(), refused() or answer().
  void start();
  void on_deadline();
  // The client has read some of the refusal that it was too slow for.
  void client_caught_up();

  // What the last dial has offered the backend as the key of handoffs; empty: nothing.
  const std::string& handoff_key() const { return handoff_key_; }
  // What the policy consistent_hash goes by; none: another policy, or nothing.
  std::optional<std::uint64_t> hash_key() const;

 private:
  void on_connected(net::ByteStream& stream, Result<void> result) noexcept override;
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream&) noexcept override {}
  void on_closed(net::ByteStream& stream) noexcept override;

  bool has_candidate() const;
  bool may_try(const balancer::Backend& backend, balancer::Standard standard) const;
  std::shared_ptr<balancer::Backend> pick(const balancer::PickContext& context) const;
  void dial_next();
  void dial(const balancer::Backend& backend);
  balancer::Backend& candidate() { return *tried_.back(); }  // the one that is being tried
  void attempt_failed(const Error& error);
  void blame_candidate();
  void give_up(const Error& error);
  void give_up_on_candidate(const Error& error);
  void on_answer(Bytes behind);
  void on_switching(Bytes behind);
  void on_refusal_bytes(Bytes bytes);

  Session& session_;
  Handshake& handshake_;
  const std::size_t pool_;  // index into the snapshot's pools
  MonotonicTime upgrade_deadline_;
  std::vector<std::shared_ptr<balancer::Backend>> tried_;
  std::chrono::steady_clock::time_point asked_at_;  // when the request went out
  std::string handoff_key_;                         // likewise; empty: it offered no handoffs
  std::string key_;                                 // the one that this dial sent
  std::optional<http::ResponseParser> parser_;
  std::optional<Error> last_error_;
  bool closing_for_next_ = false;  // on_closed() of a failed attempt starts the next
};

}  // namespace drover::proxy
