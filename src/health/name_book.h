// What the DNS names of the configuration mean now: asks again when an answer has run out, keeps the last good answer
// where there is no better one, and tells of changes. One thread, the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "health/resolver.h"
#include "net/address.h"
#include "net/loop.h"

namespace drover::health {

class NameBook {
 public:
  // Never asks more often than this, whatever a TTL says.
  static constexpr Milliseconds kLeastInterval{1'000};

  // `on_change` is called when the addresses of a name are other ones than before.
  NameBook(net::Loop& loop, std::unique_ptr<Resolver> resolver, std::function<void()> on_change);
  ~NameBook();
  NameBook(const NameBook&) = delete;
  NameBook& operator=(const NameBook&) = delete;

  // From now on these. Each name, and how long after an answer it is asked again at the latest; an answer whose TTL is
  // shorter is asked again when that is over. Names that are kept already keep what is known of them.
  void keep(const std::map<std::string, Milliseconds>& names);
  // From now on `resolver` is asked, at once for every name. What is known stays until it answers. Not from on_change.
  void ask(std::unique_ptr<Resolver> resolver);
  // Whether every name has been asked once, with whatever outcome.
  bool all_asked() const;
  // Sorted, IPv4 first; a name that nothing is known of is not in it.
  std::map<std::string, std::vector<net::Address>, std::less<>> addresses() const;

 private:
  class Name;

  net::Loop& loop_;
  std::unique_ptr<Resolver> resolver_;
  const std::function<void()> on_change_;
  std::vector<std::shared_ptr<Name>> names_;  // an answer may come for one that is not kept any more
};

}  // namespace drover::health
