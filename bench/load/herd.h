// The cases whose sessions stay: all are opened first, and only then does the warm-up begin.
#pragma once

#include <optional>
#include <vector>

#include "bench/load/case.h"
#include "bench/load/metronome.h"

namespace drover::bench {

class Herd : public Case, public Client::Owner {
 public:
  // How a session shows that it is open: by one echo, or, where an echo would go to everybody, by its 101.
  enum class Proof : std::uint8_t { kEcho, kAnswer };
  Herd(Stage& stage, Proof proof);
  ~Herd() override;
  void begin() final;

 protected:
  Stage& stage() { return stage_; }
  Client& client(std::size_t index) { return *clients_[index]; }
  std::size_t size() const { return clients_.size(); }

  // All sessions are open: goes through warm-up and window, with start() and stop() at their ends.
  virtual void go_on();
  virtual void start() {}
  virtual void on_echo(Client& client, const Stamp& stamp) = 0;
  virtual void stop() { stage_.finished(); }
  void on_end(Client& client, const std::string& failure) override;
  bool all_open() const { return opened_ == size(); }
  // Where it has not finished by then: calls `complain`, and finishes.
  void finish_after(Milliseconds patience, std::function<void()> complain);

 private:
  void open_next();
  void open_at(unsigned pace);  // sessions a second
  void note_open();
  void on_open(Client& client) override;
  void on_message(Client& client, const Stamp& stamp) override;

  Stage& stage_;
  const Proof proof_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::size_t begun_ = 0;   // clients that have been told to open
  std::size_t opened_ = 0;  // those whose first echo has come
  bool over_ = false;
  Alarm alarm_;
  std::optional<Metronome> opening_;  // where there is a pace
};

}  // namespace drover::bench
