// A thread with an event loop, its listening sockets and its sessions. A session never leaves its worker. What other
// threads ask of a worker goes through its loop's post().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "balancer/backend.h"
#include "base/slab.h"
#include "base/walkable_list.h"
#include "migration/drain.h"
#include "net/listening_socket.h"
#include "net/loop.h"
#include "observe/counters.h"
#include "proxy/admission.h"
#include "proxy/drain_run.h"
#include "proxy/entrance.h"
#include "proxy/listener.h"
#include "proxy/session.h"
#include "proxy/session_visits.h"
#include "proxy/snapshot.h"
#include "proxy/worker_snapshot.h"

namespace drover::proxy {

class Worker final {
 public:
  // Called on the worker's thread: sessions fail on that backend, ejection.failures times in a row. Must not wait.
  using OnFailing = std::function<void(const std::shared_ptr<balancer::Backend>&)>;

  // `index` from 0. `admission` and `no_pool`, what it counts of sessions that come to no pool, outlive the worker.
  Worker(unsigned index, Admission& admission, observe::PoolCounters& no_pool, std::shared_ptr<const Snapshot> snapshot,
         OnFailing on_failing);
  ~Worker();  // after join()
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();

  // Any thread, from here on; what is asked before start() is done once it runs.
  // Accepts from `socket`, until close(). Nothing where it does not accept any more.
  void open(ListenerNumber number, net::ListeningSocket socket, std::shared_ptr<const Listener> listener);
  // Connections that are accepted from now on have `listener`; who was refused is welcome again.
  void change(ListenerNumber number, std::shared_ptr<const Listener> listener);
  // See ListeningSocket::refuse_newcomers().
  void refuse_newcomers(ListenerNumber number);
  // Accepts what waits already, then closes the socket.
  void close(ListenerNumber number);
  // Handshakes that begin from now on go by `snapshot`.
  void adopt(std::shared_ptr<const Snapshot> snapshot);
  // Its sessions go as the plan says, until that is over.
  void carry_out(std::shared_ptr<migration::Drain> drain);
  // Its sessions on that backend have lost it.
  void rescue_from(std::shared_ptr<balancer::Backend> backend);
  // Stops accepting and leaves all other plans for this one, which covers all sessions; `on_empty` is called on the
  // worker's thread once none is left.
  void shut_down(std::shared_ptr<migration::Drain> drain, std::function<void()> on_empty);
  // `done` is called on the worker's thread, with those that it has.
  void count_for(std::shared_ptr<const migration::Drain> drain, std::function<void(DrainRun::Census)> done);
  // `visit` and then `done` are called on the worker's thread, or neither; see SessionVisits.
  void visit_sessions(std::uint64_t from, SessionVisits::Visit visit, std::function<void()> done);
  // Ends every session at once and the thread's loop after them.
  void stop();
  void join();
  const observe::Counters& counters() const { return counters_; }
  const net::Loop& loop() const { return loop_; }  // its lag, and what waits for slow peers

  // For sessions, on the worker's thread.
  net::Loop& loop() { return loop_; }
  observe::Counters& counters() { return counters_; }
  unsigned index() const { return index_; }
  const Admission& admission() const { return admission_; }
  // For sessions that have come to no pool yet.
  observe::PoolCounters& no_pool() { return no_pool_; }
  const std::shared_ptr<const WorkerSnapshot>& snapshot() const { return snapshot_; }
  void report_failing(const std::shared_ptr<balancer::Backend>& backend) const { on_failing_(backend); }
  WalkableList<Session>& sessions() { return sessions_; }
  // Of the plans that go on here.
  const std::vector<std::unique_ptr<DrainRun>>& runs() const { return runs_; }
  // The plan is over: the run is gone when this returns.
  void end_run(const DrainRun& run);
  // Both streams of `session` are closed: it is gone when this returns.
  void retire(Session& session) noexcept;
  // An untrusted peer sent X-Forwarded-*: counted, and logged once a minute with its address.
  void note_ignored_forwarding(const net::Address& peer);
  // Descriptors, memory or ports ran out: counted, and logged once a second.
  void note_exhausted(std::string_view what);

 private:
  void begin_listening(ListenerNumber number, net::ListeningSocket socket, std::shared_ptr<const Listener> listener);
  // Null: it is closed.
  Entrance* find(ListenerNumber number);
  void accept(int fd, const net::Address& peer, const std::shared_ptr<const Listener>& listener);
  void begin_run(std::shared_ptr<migration::Drain> drain);
  void leave_if_empty();

  const unsigned index_;
  Admission& admission_;
  std::shared_ptr<const WorkerSnapshot> snapshot_;
  const OnFailing on_failing_;
  observe::Counters counters_;
  net::Loop loop_;
  observe::PoolCounters& no_pool_;
  std::vector<std::unique_ptr<Entrance>> acceptors_;
  Slab<Session> slab_;
  WalkableList<Session> sessions_;
  std::uint64_t next_number_ = 0;

  std::vector<std::unique_ptr<DrainRun>> runs_;

  enum class Phase : std::uint8_t { kServing, kShuttingDown, kStopping };
  Phase phase_ = Phase::kServing;
  std::function<void()> on_empty_;

  MonotonicTime forwarding_logged_{};
  MonotonicTime exhaustion_logged_{};
  std::thread thread_;
};

}  // namespace drover::proxy
