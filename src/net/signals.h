// The signals of the process as events of one loop. One instance at a time: libuv tells every loop that asks.
#pragma once

#include <uv.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "net/loop.h"

namespace drover::net {

class Signals {
 public:
  // Called on the loop's thread; it may destroy this Signals.
  using Callback = std::function<void(int signal)>;

  Signals(Loop& loop, std::initializer_list<int> signals, Callback callback);
  // The signals have their default effect again.
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  Callback callback_;
  std::vector<uv_signal_t*> handles_;  // closed, then deleted by their close callbacks
};

// "SIGTERM"; "signal 99" for one without a name.
std::string signal_name(int signal);

}  // namespace drover::net
