// busy: sessions that send at equal distances, whatever has come back, and that go on doing so behind the window for as
// long as they are held. Each checks that its echoes come one after the other, none missing and none twice, and notes
// how long one of them took at most: in the window, and behind it. What moves the session is seen in the difference.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

#include "bench/load/herd.h"
#include "bench/load/metronome.h"

namespace drover::bench {

namespace {

class BusyCase final : public Herd {
 public:
  explicit BusyCase(Stage& stage)
      : Herd(stage, Proof::kEcho),
        metronome_(stage.loop, stage.options.rate, [this](const Metronome::Beat& beat) { send(beat); }),
        sessions_(stage.options.sessions) {}

  // Times are microseconds, one for each session: its longest echo in the window and behind it. `waiting`: the longest
  // that one waits now. `ends`: how many connections ended, and how.
  std::string seen() const override {
    const std::uint64_t now = nanoseconds_now();
    std::uint64_t waiting = 0;
    std::vector<std::uint64_t> before;
    std::vector<std::uint64_t> since;
    for (const Session& each : sessions_) {
      before.push_back(each.longest_before / 1000);
      since.push_back(each.longest / 1000);
      if (each.sent != each.echoed) waiting = std::max(waiting, now - each.waits_since);
    }
    return nlohmann::json{{"messages", messages_},
                          {"before_us", before},
                          {"since_us", since},
                          {"waiting_us", waiting / 1000},
                          {"ends", ends_}}
        .dump();
  }

 private:
  struct Session {
    std::uint64_t sent = 0;  // number of the last message
    std::uint64_t echoed = 0;
    std::uint64_t waits_since = 0;     // for the echo that is to come next; nanoseconds, up to an interval too early
    std::uint64_t longest = 0;         // nanoseconds, since the window opened or closed
    std::uint64_t longest_before = 0;  // of the window
  };

  void start() override {
    if (auto started = metronome_.start(); !started) stage().measurement.add_error(started.error().detail);
  }

  void send(const Metronome::Beat& beat) {
    const std::size_t index = beat.number % size();
    Session& session = sessions_[index];
    if (session.sent == session.echoed) session.waits_since = beat.due;
    client(index).send({beat.due, ++session.sent});
  }

  void on_echo(Client& client, const Stamp& stamp) override {
    Session& session = sessions_[client.index()];
    if (stamp.number != session.echoed + 1) {
      ++ends_["an echo that was not its turn"];
      return;
    }
    const std::uint64_t now = nanoseconds_now();
    session.echoed = stamp.number;
    session.waits_since = stamp.nanoseconds;  // the next one was due an interval later
    ++messages_;
    stage().measurement.count(stamp.nanoseconds, now);
    if (held_ || stage().measurement.is_open()) session.longest = std::max(session.longest, now - stamp.nanoseconds);
  }

  // The window is over; what comes back from now on is what they see while they are held.
  void stop() override {
    for (Session& each : sessions_) each.longest_before = std::exchange(each.longest, 0);
    held_ = true;
    stage().finished();
  }

  void on_end(Client& client, const std::string& failure) override {
    if (!held_) return Herd::on_end(client, failure);
    ++ends_[failure.empty() ? "a Close" : failure];
  }

  Metronome metronome_;
  std::vector<Session> sessions_;
  std::uint64_t messages_ = 0;
  std::map<std::string, std::size_t> ends_;
  bool held_ = false;  // the window is over
};

}  // namespace

std::unique_ptr<Case> make_busy_case(Stage& stage) {
  return std::make_unique<BusyCase>(stage);
}

}  // namespace drover::bench
