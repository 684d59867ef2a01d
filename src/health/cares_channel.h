// A channel of c-ares on a loop: the Poller watches its sockets, the timer wheel keeps its timeouts. It never blocks,
// but for reading the hosts file. One thread, the loop's; the loop outlives it.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "health/resolver.h"
#include "net/loop.h"

// c-ares', whose header stays out of ours.
struct ares_addrinfo;     // NOLINT(readability-identifier-naming)
struct ares_channeldata;  // NOLINT(readability-identifier-naming)

namespace drover::health {

class CaresChannel {
 public:
  // Whoever asked; it outlives the channel, or the answer.
  class Query {
   public:
    // The arguments of ares_addrinfo_callback; `found` is gone afterwards. c-ares is in the middle of something then:
    // nothing of the channel may be called.
    virtual void on_answer(int status, const ares_addrinfo* found) noexcept = 0;

   protected:
    ~Query() = default;
  };

  enum class Source : std::uint8_t { kHostsFile, kNameServers };

  // Error: kConfiguration, with c-ares' reason.
  static Result<std::unique_ptr<CaresChannel>> make(net::Loop& loop, Source source,
                                                    const std::vector<config::Endpoint>& nameservers,
                                                    const ResolverOptions& options);
  // No query that is under way is answered any more.
  ~CaresChannel();
  CaresChannel(const CaresChannel&) = delete;
  CaresChannel& operator=(const CaresChannel&) = delete;

  // `family` is AF_INET, AF_INET6 or AF_UNSPEC. The answer may come before this returns, and does where the source is
  // the hosts file. To be followed by arm_timer(), once for any number of queries: c-ares looks at every query then.
  void ask(const std::string& name, int family, Query& query);
  void arm_timer();

 private:
  class Socket;

  class Timer final : public net::TimerWheel::Node {
   public:
    explicit Timer(CaresChannel& channel) : channel_(channel) {}

   private:
    void on_deadline() noexcept override;
    CaresChannel& channel_;
  };

  explicit CaresChannel(net::Loop& loop);
  Result<void> open(Source source, const ResolverOptions& options);
  Result<void> use_servers(const std::vector<config::Endpoint>& nameservers);
  // What c-ares wants to hear of a socket; neither: it is about to be closed.
  void on_interest(int fd, std::uint32_t events);
  // What is ready; -1: nothing, and only timeouts are looked at.
  void process(int readable, int writable);

  net::Loop& loop_;
  Timer timer_{*this};
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;
  ares_channeldata* channel_ = nullptr;  // null: it could not be opened
};

}  // namespace drover::health
