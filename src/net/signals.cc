// uv_signal_t, one a signal.
#include "net/signals.h"

#include <csignal>
#include <cstring>
#include <utility>

namespace drover::net {

Signals::Signals(Loop& loop, std::initializer_list<int> signals, Callback callback) : callback_(std::move(callback)) {
  for (const int signal : signals) {
    auto* handle = new uv_signal_t;
    uv_signal_init(loop.raw(), handle);
    handle->data = this;
    const auto on_signal = [](uv_signal_t* arrived, int number) {
      auto* owner = static_cast<Signals*>(arrived->data);
      if (owner == nullptr) return;
      const auto call = owner->callback_;  // a copy: the callback may destroy its owner
      call(number);
    };
    uv_signal_start(handle, on_signal, signal);
    handles_.push_back(handle);
  }
}

Signals::~Signals() {
  for (auto* handle : handles_) {
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<uv_signal_t*>(closed); });
  }
}

std::string signal_name(int signal) {
  const char* abbreviation = sigabbrev_np(signal);
  if (abbreviation == nullptr) return "signal " + std::to_string(signal);
  return std::string("SIG") + abbreviation;
}

}  // namespace drover::net
