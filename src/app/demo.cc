// Two backends and a room on a loop, and the looks at how Drover sees them.
#include "app/demo.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

#include "app/demo_backend.h"
#include "net/loop.h"

namespace drover::app {

namespace {

constexpr Milliseconds kLook{200};

}  // namespace

class DemoBackends::Impl final : net::TimerWheel::Node {
 public:
  Impl() : room_(controls()) {
    for (const char* name : {"demo-1", "demo-2"}) {
      backends_.push_back(std::make_unique<DemoBackend>(loop_, name, room_, [this] { end_if_empty(); }));
    }
  }
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> start() {
    for (const auto& backend : backends_) {
      if (auto listening = backend->listen(); !listening) return listening;
      addresses_.push_back(backend->address());
    }
    thread_ = std::thread([this] { loop_.run(); });
    return {};
  }

  void serve_behind(Proxy proxy) {
    loop_.post([this, proxy = std::move(proxy)]() mutable {
      proxy_ = std::move(proxy);
      on_deadline();
    });
  }

  void stop() {
    if (!thread_.joinable()) return;
    loop_.post([this] {
      loop_.wheel().disarm(*this);
      for (const auto& backend : backends_) backend->stop();
      stopping_ = true;
      end_if_empty();
    });
    thread_.join();
  }

  const std::vector<net::Address>& addresses() const { return addresses_; }

 private:
  DemoControls controls() {
    return {.drain =
                [this](const std::string& name) {
                  if (proxy_.drain && knows(name)) proxy_.drain(name);
                },
            .restore =
                [this](const std::string& name) {
                  if (proxy_.restore && knows(name)) proxy_.restore(name);
                },
            // Later: whoever asks is in the middle of a call of one of its connections.
            .kill = [this](const std::string& name) { loop_.post([this, name] { kill(name); }); }};
  }

  bool knows(const std::string& name) const {
    return std::ranges::any_of(backends_, [&name](const auto& backend) { return backend->name() == name; });
  }

  void kill(const std::string& name) {
    for (const auto& backend : backends_) {
      if (backend->name() == name && !stopping_) backend->kill(kAbsence);
    }
  }

  // Nobody looks where there is nobody to be shown it.
  void on_deadline() noexcept override {
    loop_.arm(*this, loop_.now() + kLook);
    if (!proxy_.look || room_.empty()) return;
    proxy_.look([this](const std::vector<DemoBackendView>& seen) { loop_.post([this, seen] { show(seen); }); });
  }

  // What is dead is known here before Drover's probes know.
  void show(std::vector<DemoBackendView> seen) {
    for (auto& view : seen) {
      for (const auto& backend : backends_) {
        if (backend->name() == view.name && !backend->listens()) view.state = "down";
      }
    }
    room_.show(seen);
  }

  void end_if_empty() {
    const auto empty = [](const auto& backend) { return backend->empty(); };
    if (stopping_ && std::ranges::all_of(backends_, empty)) loop_.stop();
  }

  net::Loop loop_;
  DemoRoom room_;
  Proxy proxy_;
  std::vector<std::unique_ptr<DemoBackend>> backends_;
  std::vector<net::Address> addresses_;
  bool stopping_ = false;
  std::thread thread_;
};

DemoBackends::DemoBackends() : impl_(std::make_unique<Impl>()) {}
DemoBackends::~DemoBackends() = default;
Result<void> DemoBackends::start() {
  return impl_->start();
}
void DemoBackends::serve_behind(Proxy proxy) {
  impl_->serve_behind(std::move(proxy));
}
void DemoBackends::stop() {
  impl_->stop();
}
const std::vector<net::Address>& DemoBackends::addresses() const {
  return impl_->addresses();
}

}  // namespace drover::app
