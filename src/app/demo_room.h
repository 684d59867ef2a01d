// What the visitors of the demo's page share, whichever backend serves them: the chat, and how the backends are. One
// thread, the demo's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace drover::app {

// What the page's buttons do to a backend, by name, and nobody else may.
struct DemoControls {
  std::function<void(const std::string& backend)> drain{}, restore{}, kill{};
};

// A backend as the page shows it.
struct DemoBackendView {
  std::string name;
  std::string state;  // "ready", "drain", "maint", or "down"
  std::uint64_t sessions = 0;
};

class DemoRoom {
 public:
  class Member {
   public:
    virtual void tell(std::string_view message) = 0;  // a text message to its client

   protected:
    ~Member() = default;
  };

  explicit DemoRoom(DemoControls controls) : controls_(std::move(controls)) {}

  const DemoControls& controls() const { return controls_; }
  bool empty() const { return members_.empty(); }

  // A newcomer is told how the backends are, and what was said after line `seen`, as far as it is remembered. Who is
  // in already stays as it is.
  void join(Member& member, std::uint64_t seen);
  void leave(Member& member);
  // To everybody, the speaker included.
  void say(std::string_view from, std::string_view text, std::string_view backend);
  // Tells everybody, where something has changed.
  void show(const std::vector<DemoBackendView>& backends);
  // The number of the last line; 0: there is none.
  std::uint64_t last_line() const { return last_line_; }

  static constexpr std::size_t kRemembered = 50;  // lines

 private:
  struct Line {
    std::uint64_t number = 0;
    std::string message;
  };

  const DemoControls controls_;
  std::vector<Member*> members_;
  std::deque<Line> lines_;
  std::uint64_t last_line_ = 0;
  std::string backends_;  // the message; empty: not known yet
};

}  // namespace drover::app
