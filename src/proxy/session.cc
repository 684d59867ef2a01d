// Glue: construction, states, the end and its access line.
#include "proxy/session.h"

#include "base/log.h"
#include "base/random.h"
#include "http/head.h"
#include "proxy/drain_run.h"
#include "proxy/handshake.h"
#include "proxy/mobility.h"
#include "proxy/opt_in.h"
#include "proxy/session_id.h"
#include "proxy/worker.h"

namespace drover::proxy {

using observe::Initiator;
using observe::Why;

namespace {

// A resume token may travel as a subprotocol, and be chosen as one: nobody is to read it in a log or a listing.
std::string_view without_token(std::string_view subprotocol) {
  constexpr std::string_view kPrefix = "drover.token.";
  return http::same_name(subprotocol.substr(0, kPrefix.size()), kPrefix) ? "drover.token.***" : subprotocol;
}

}  // namespace

std::string_view name_of(State state) {
  switch (state) {
    case State::kReadingRequest: return "reading_request";
    case State::kConnecting: return "connecting";
    case State::kAwaitingAnswer: return "awaiting_answer";
    case State::kTunnelling: return "tunnelling";
    case State::kRelayingAnswer: return "relaying_answer";
    case State::kAnswering: return "answering";
    case State::kEnded: return "ended";
  }
  return "unknown";
}

std::string_view name_of(Event event) {
  switch (event) {
    case Event::kRequestParsed: return "request_parsed";
    case Event::kConnected: return "connected";
    case Event::kAttemptFailed: return "attempt_failed";
    case Event::kUpgraded: return "upgraded";
    case Event::kRefused: return "refused";
    case Event::kAnswered: return "answered";
    case Event::kEnded: return "ended";
  }
  return "unknown";
}

Session::Session(Worker& worker, std::uint64_t number, const net::Address& peer)
    : worker_(worker),
      client_(worker.loop()),
      backend_(worker.loop()),
      peer_(peer),
      pool_(&worker.no_pool()),
      number_(number),
      started_(worker.loop().now()) {
  fill_random(resume_id_);
}

Session::~Session() {
  worker_.loop().wheel().disarm(deadline_);
}

observe::Counters& Session::counters() {
  return worker_.counters();
}
Session::Books Session::books() {
  return {*pool_, lease_.backend().traffic(worker_.index())};
}
void Session::note_backend_round_trip(std::chrono::microseconds round_trip) {
  lease_.backend().load().latency.add(round_trip, now());
}
MonotonicTime Session::now() const {
  return worker_.loop().now();
}
std::chrono::microseconds Session::precise_now() const {
  const auto since_epoch = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_epoch);
}
std::string Session::id_text() const {
  return to_text({worker_.index(), number_});
}
std::string Session::resume_id() const {
  return to_hex(resume_id_);
}
void Session::arm(MonotonicTime deadline) {
  worker_.loop().arm(deadline_, deadline);
}

void Session::start(int fd, Admission::Verdict verdict, const std::shared_ptr<const Listener>& listener) {
  const auto& tls = listener->tls;
  handshake_ = std::make_unique<Handshake>(*this, listener);
  if (auto opened = client_.open(fd, *handshake_, tls ? &*tls : nullptr); !opened) {
    worker_.note_exhausted(opened.error().detail);
    finish();
    return;
  }
  handshake_->start();
  if (verdict == Admission::Verdict::kRefused) {
    handshake_->answer({Code::kConnectionLimit, Side::kDrover, "limits.max_connections is reached"});
  }
}

bool Session::leave_if_silent() {
  if (ended_by_ || state_ != State::kReadingRequest || handshake_->started()) return false;
  finish_in_order();
  return true;
}

void Session::close_for_operator() {
  if (state_ == State::kTunnelling) {
    return tunnel_->shut_down(websocket::CloseCode::kGoingAway, "closed by the operator", Why::kAdmin);
  }
  note_end(Initiator::kDrover, Why::kAdmin);
  finish();
}

bool Session::advance(Event event) {
  const auto to = next(state_, event);
  if (to) {
    state_ = *to;
    return true;
  }
  log::error("illegal_transition",
             {{"session", to_text({worker_.index(), number_})}, {"state", name_of(state_)}, {"event", name_of(event)}});
  finish();
  return false;
}

bool Session::note_end(Initiator initiator, Why why) {
  if (ended_by_) return false;
  ended_by_ = initiator;
  why_ = why;
  return true;
}

void Session::note_status(unsigned status, observe::Source source) {
  status_ = static_cast<std::uint16_t>(status);
  pool_->answers[static_cast<std::size_t>(source)][observe::status_place(status)].add(1);
}

void Session::set_texts(const Texts& texts) {
  // The longest that a line in a log is good for; ids and names are shorter, a target may be 8 KiB.
  constexpr std::size_t kLongest = 512;
  const auto cut = [](std::string_view text) { return text.substr(0, kLongest); };
  texts_ = PackedText({cut(texts.path), cut(texts.route), cut(texts.pool), cut(texts.request_id),
                       cut(without_token(texts.subprotocol)), cut(texts.detail)});
}

void Session::on_deadline() {
  if (state_ == State::kTunnelling) {
    tunnel_->on_deadline();
  } else if (handshake_ && state_ != State::kEnded) {
    handshake_->on_deadline();
  }
}

void Session::finish() {
  if (state_ == State::kEnded) return;
  advance(Event::kEnded);
  worker_.loop().wheel().disarm(deadline_);
  client().close();
  backend().close();
  if (mobility_) mobility_->close();
}

void Session::finish_in_order() {
  client().finish_writing();  // close_in_order()'s first half
  finish();
}

void Session::on_stream_closed() {
  if (state_ != State::kEnded || client_.in_use() || backend_.in_use() || (mobility_ && mobility_->in_use())) return;
  count_end();
  write_access_line();
  counters().ended.add(1);
  set_lease({});
  if (notice_) notice_->run.note_end(*notice_, *this);  // behind the lease: see DrainPlan::progress()
  worker_.retire(*this);
}

// As the access line has it.
void Session::count_end() {
  if (!ended_by_) return;
  const auto code = observe::close_code_place(tunnel_ ? tunnel_->close_code(*ended_by_) : 0);
  pool_->ends[code][static_cast<std::size_t>(*ended_by_)][static_cast<std::size_t>(why_)].add(1);
  if (!tunnel_) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now() - started_);
  pool_->session_time.add(static_cast<std::uint64_t>(seconds.count()));
}

observe::SessionLine Session::access_line() const {
  observe::SessionLine line;
  line.id = to_text({worker_.index(), number_});
  line.resume_id = resume_id();
  line.client = peer_.text();
  line.path = texts_[kPath];
  line.route = texts_[kRoute];
  line.pool = texts_[kPool];
  line.request_id = texts_[kRequestId];
  line.subprotocol = texts_[kSubprotocol];
  line.backend = backend_name();
  line.attempts = attempts_;
  return line;
}

// Of a tunnel: what one of its streams could not go on with; empty: nothing.
std::string Session::broken_tls() const {
  const auto failure_of = [](const net::Transport& transport, std::string_view side) {
    const std::string_view failure = transport.stream().failure();
    return failure.empty() ? std::string() : std::string(failure) + ", from the " + std::string(side);
  };
  auto text = failure_of(client_, "client");
  return text.empty() ? failure_of(*serving_, "backend") : text;
}

void Session::write_access_line() {
  // A connection that came and went without a word (a port check) has no story to tell.
  if (!ended_by_ || !log::access_enabled()) return;
  observe::SessionLine line = access_line();
  std::string offence = tunnel_ ? tunnel_->offence() : "";
  if (tunnel_ && offence.empty()) offence = broken_tls();
  line.detail = offence.empty() ? texts_[kDetail] : offence;
  line.status = status_;
  line.duration = now() - started_;
  if (mobility_) line.moves = mobility_->moves();
  line.initiator = *ended_by_;
  line.why = why_;
  if (tunnel_) {
    const auto code = [](const Relay& relay) {
      return relay.close_code() == 0 ? std::nullopt : std::optional(relay.close_code());
    };
    line.messages_in = tunnel_->to_backend().messages();
    line.messages_out = tunnel_->to_client().messages();
    line.bytes_in = tunnel_->to_backend().bytes();
    line.bytes_out = tunnel_->to_client().bytes();
    line.close_code_client = code(tunnel_->to_backend());
    line.close_code_backend = code(tunnel_->to_client());
    line.rtt_client = tunnel_->client_rtt();
    line.rtt_backend = tunnel_->backend_rtt();
  }
  observe::log_session(line);
}

}  // namespace drover::proxy
