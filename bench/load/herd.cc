// Sessions are opened a few at a time, so that no backlog overflows and no connection waits for a SYN to be repeated;
// or at a pace, so that opening them is no more work for the proxy than what it is measured at.
#include "bench/load/herd.h"

#include <algorithm>

namespace drover::bench {

namespace {

constexpr std::size_t kAtATime = 64;
constexpr Milliseconds kPatience{30'000};  // for all sessions to open, besides what their pace takes

}  // namespace

Herd::Herd(Stage& stage, Proof proof) : stage_(stage), proof_(proof), alarm_(stage.loop) {
  clients_.reserve(stage.options.sessions);
  for (unsigned index = 0; index < stage.options.sessions; ++index) {
    clients_.push_back(std::make_unique<Client>(stage.loop, stage.wire, *this, index));
  }
}

Herd::~Herd() {
  over_ = true;
  opening_.reset();
  for (const auto& each : clients_) each->abort();
  stage_.loop.turn(net::Loop::Patience::kNone);  // their last callbacks
}

void Herd::begin() {
  const unsigned pace = stage_.options.opening;
  const Milliseconds paced_for(pace > 0 ? size() * 1000 / pace : 0);
  alarm_.after(kPatience + paced_for, [this] {
    stage_.measurement.add_error(std::to_string(opened_) + " of " + std::to_string(size()) + " sessions have opened");
    stage_.finished();
  });
  if (pace > 0) return open_at(pace);
  for (std::size_t i = 0; i < std::min(kAtATime, size()); ++i) open_next();
}

void Herd::open_at(unsigned pace) {
  opening_.emplace(stage_.loop, pace, [this](const Metronome::Beat&) {
    open_next();
    if (begun_ == size()) opening_->stop();
  });
  if (auto started = opening_->start(); !started) stage_.measurement.add_error(started.error().detail);
}

void Herd::open_next() {
  if (begun_ < size()) clients_[begun_++]->open();
}

void Herd::on_open(Client& client) {
  if (proof_ == Proof::kAnswer) return note_open();
  client.send({});
}

void Herd::on_message(Client& client, const Stamp& stamp) {
  if (all_open()) return on_echo(client, stamp);
  note_open();
}

void Herd::note_open() {
  ++opened_;
  if (stage_.options.opening == 0) open_next();
  if (!all_open()) return;
  alarm_.cancel();
  go_on();
}

void Herd::go_on() {
  start();
  alarm_.after(stage_.options.warmup, [this] {
    stage_.measurement.open();
    alarm_.after(stage_.options.seconds, [this] {
      stage_.measurement.close();
      stop();
    });
  });
}

void Herd::finish_after(Milliseconds patience, std::function<void()> complain) {
  alarm_.after(patience, [this, complain = std::move(complain)] {
    complain();
    stage_.finished();
  });
}

// No case but drain has anything closed before the run is over.
void Herd::on_end(Client&, const std::string& failure) {
  if (over_) return;
  stage_.measurement.add_error(failure);
  if (!all_open()) stage_.finished();  // they will never be all
}

}  // namespace drover::bench
