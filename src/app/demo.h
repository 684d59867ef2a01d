// The two built-in backends of --demo: WebSocket servers on free loopback ports. They echo, answer the text `whoami`
// with their name, the path that they were asked for and the headers that reached them, and serve the demo's page at
// its path (demo_conversation.h). They take part in handoffs. One thread of their own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/demo_room.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/address.h"

namespace drover::app {

class DemoBackends {
 public:
  // What is asked of Drover, from the backends' thread, until stop() returns.
  struct Proxy {
    std::function<void(const std::string& backend)> drain{}, restore{};
    // `done` may be called later, on any thread, as long as the backends are there.
    std::function<void(std::function<void(std::vector<DemoBackendView> backends)> done)> look{};
  };

  DemoBackends();
  ~DemoBackends();  // stops them
  DemoBackends(const DemoBackends&) = delete;
  DemoBackends& operator=(const DemoBackends&) = delete;

  // Once. Error: kAddress, where no loopback port can be had; nothing runs then.
  Result<void> start();
  // After start(), once: what stands before them. Until then the page shows and drains nobody.
  void serve_behind(Proxy proxy);
  // Cuts their connections and joins the thread.
  void stop();
  // Of demo-1 and demo-2, in this order; after start().
  const std::vector<net::Address>& addresses() const;

  // One that is killed from the page refuses connections for so long.
  static constexpr Milliseconds kAbsence{5'000};

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::app
