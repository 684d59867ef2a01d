// A few jobs a turn, first come first served, whatever a job does to itself and to others.
#include "net/turn_queue.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "driving.h"

namespace drover::net {

namespace {

class NamedJob final : public TurnQueue::Job {
 public:
  NamedJob(char name, std::string& done) : name_(name), done_(done) {}
  std::function<void()> act = [] {};

 private:
  void on_turn() noexcept override {
    done_ += name_;
    const auto acting = act;  // it may destroy this
    acting();
  }
  const char name_;
  std::string& done_;
};

struct Jobs {
  explicit Jobs(int count) {
    for (int at = 0; at < count; ++at) all.push_back(std::make_unique<NamedJob>(static_cast<char>('a' + at), done));
    for (const auto& job : all) queue.join(*job);
  }
  std::string turn() {
    done.clear();
    queue.run_turn();
    return done;
  }
  TurnQueue queue;
  std::string done;
  std::vector<std::unique_ptr<NamedJob>> all;
};

}  // namespace

TEST_CASE("a few jobs a turn, in the order of coming") {
  Jobs f(10);
  CHECK(TurnQueue::kJobsATurn == 4);
  CHECK(f.turn() == "abcd");
  CHECK(!f.all[3]->waits());
  CHECK(f.all[4]->waits());
  CHECK(f.turn() == "efgh");
  CHECK(f.turn() == "ij");
  CHECK(f.queue.empty());
  CHECK(f.turn().empty());
}

TEST_CASE("who joins again goes to the end, and who leaves is not called") {
  Jobs f(6);
  f.queue.join(*f.all[0]);
  f.queue.leave(*f.all[2]);
  f.queue.leave(*f.all[2]);
  CHECK(f.turn() == "bdef");
  CHECK(f.turn() == "a");
}

TEST_CASE("a job may join again, send others away and destroy them and itself") {
  Jobs f(6);
  f.all[0]->act = [&] { f.queue.join(*f.all[0]); };
  f.all[1]->act = [&] { f.queue.leave(*f.all[2]); };
  f.all[3]->act = [&] {
    f.all[4].reset();
    f.all[3].reset();
  };
  CHECK(f.turn() == "abdf");
  CHECK(f.turn() == "aaaa");  // alone, it has the turn to itself
}

TEST_CASE("a loop does not sleep while jobs wait") {
  Loop loop;
  run_some(loop);  // it has nothing of its own to do any more
  std::string done;
  std::vector<std::unique_ptr<NamedJob>> jobs;
  for (int at = 0; at < 6; ++at) jobs.push_back(std::make_unique<NamedJob>(static_cast<char>('a' + at), done));
  for (const auto& job : jobs) loop.turns().join(*job);
  std::promise<void> over;
  bool slept = false;
  std::thread alarm([&, is_over = over.get_future()] {
    while (is_over.wait_for(std::chrono::seconds(10)) == std::future_status::timeout) {
      slept = true;
      loop.post([] {});
    }
  });
  loop.turn(Loop::Patience::kUntilSomething);
  loop.turn(Loop::Patience::kUntilSomething);
  over.set_value();
  alarm.join();
  CHECK(!slept);
  CHECK(done == "abcdef");
}

}  // namespace drover::net
