// The two built-in backends of --demo: WebSocket echo servers on free loopback ports, which answer the text `whoami`
// with their name, the path that they were asked for and the headers that reached them. One thread of their own.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "net/address.h"

namespace drover::app {

class DemoBackends {
 public:
  DemoBackends();
  ~DemoBackends();  // stops them
  DemoBackends(const DemoBackends&) = delete;
  DemoBackends& operator=(const DemoBackends&) = delete;

  // Once. Error: kAddress, where no loopback port can be had; nothing runs then.
  Result<void> start();
  // Cuts their connections and joins the thread.
  void stop();
  // Of demo-1 and demo-2, in this order; after start().
  const std::vector<net::Address>& addresses() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::app
