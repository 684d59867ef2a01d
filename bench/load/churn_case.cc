// churn: connect, upgrade, one echo, the closing handshake, EOF, and again, so many at a time. Where TLS sessions are
// to be resumed, the warm-up begins when every client has one.
#include "bench/load/case.h"

namespace drover::bench {

namespace {

class ChurnCase final : public Case, public Client::Owner {
 public:
  explicit ChurnCase(Stage& stage) : stage_(stage), alarm_(stage.loop), began_(stage.options.sessions) {
    for (unsigned index = 0; index < stage.options.sessions; ++index) {
      clients_.push_back(std::make_unique<Client>(stage.loop, stage.wire, *this, index));
    }
  }
  ~ChurnCase() override {
    over_ = true;
    for (const auto& each : clients_) each->abort();
    stage_.loop.turn(net::Loop::Patience::kNone);  // their last callbacks
  }

  void begin() override {
    for (const auto& each : clients_) open(*each);
    if (stage_.options.tls != Tls::kResumed) return warm_up();
    alarm_.after(kPatience, [this] {
      stage_.measurement.add_error("not every client has a session to resume");
      stage_.finished();
    });
  }

 private:
  static constexpr std::uint64_t kMostErrors = 1'000;
  static constexpr Milliseconds kPatience{30'000};

  void warm_up() {
    warming_up_ = true;
    alarm_.after(stage_.options.warmup, [this] {
      stage_.measurement.open();
      alarm_.after(stage_.options.seconds, [this] {
        stage_.measurement.close();
        stage_.finished();
      });
    });
  }

  void open(Client& client) {
    began_[client.index()] = nanoseconds_now();
    client.open();
  }
  void on_open(Client& client) override { client.send({}); }
  void on_message(Client& client, const Stamp&) override { client.close(); }
  void on_end(Client& client, const std::string& failure) override {
    if (over_) return;
    if (failure.empty()) {
      stage_.measurement.count(began_[client.index()], nanoseconds_now());
      if (!warming_up_ && stage_.wire.encryption->full() >= clients_.size()) warm_up();
    } else {
      stage_.measurement.add_error(failure);
      if (stage_.measurement.errors() == kMostErrors) return stage_.finished();
    }
    // Not from within the end of the last one: where nobody listens that would be a recursion without end.
    stage_.loop.defer([this, &client] {
      if (!over_) open(client);
    });
  }

  Stage& stage_;
  Alarm alarm_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::uint64_t> began_;  // nanoseconds, of each client's connection
  bool warming_up_ = false;           // or beyond that
  bool over_ = false;
};

}  // namespace

std::unique_ptr<Case> make_churn_case(Stage& stage) {
  return std::make_unique<ChurnCase>(stage);
}

}  // namespace drover::bench
