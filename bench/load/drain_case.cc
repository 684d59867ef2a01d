// drain: idle sessions that note when the proxy tells them to go, by a Close, by a text message or by none of both, and
// what their connections end with.
#include <nlohmann/json.hpp>

#include <map>

#include "bench/load/herd.h"

namespace drover::bench {

namespace {

class DrainCase final : public Herd {
 public:
  explicit DrainCase(Stage& stage) : Herd(stage, Proof::kEcho), told_(stage.options.sessions) {}

  // Times are microseconds of the monotonic clock. `ends`: how many ended otherwise than by two Closes, and how.
  std::string seen() const override {
    return nlohmann::json{{"told_us", told_us_}, {"closes", closes_}, {"texts", texts_}, {"ends", ends_}}.dump();
  }

 private:
  // No window: what is measured is what others do.
  void go_on() override {
    stage().measurement.open();
    for (std::size_t i = 0; i < size(); ++i) stage().measurement.count(0, 0);
    stage().measurement.close();
    stage().finished();
  }
  void on_echo(Client&, const Stamp&) override {}
  bool on_server_close(Client& client) override {
    ++closes_;
    note(client);
    return true;
  }
  bool on_text(Client& client) override {
    ++texts_;
    note(client);
    if (texts_ == size()) stage().finished();
    return true;
  }
  void on_end(Client& client, const std::string& failure) override {
    if (!all_open()) return Herd::on_end(client, failure);
    note(client);
    if (!failure.empty()) ++ends_[failure];
    if (++ended_ == size()) stage().finished();
  }
  // The first that a client hears is what counts.
  void note(Client& client) {
    if (told_[client.index()]) return;
    told_[client.index()] = true;
    told_us_.push_back(nanoseconds_now() / 1000);
  }

  std::vector<bool> told_;  // by index of the client
  std::vector<std::uint64_t> told_us_;
  std::size_t closes_ = 0;
  std::size_t texts_ = 0;
  std::size_t ended_ = 0;
  std::map<std::string, std::size_t> ends_;
};

}  // namespace

std::unique_ptr<Case> make_drain_case(Stage& stage) {
  return std::make_unique<DrainCase>(stage);
}

}  // namespace drover::bench
