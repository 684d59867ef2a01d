// ares_init_options(3) and ares_process_fd(3). c-ares says what it wants of a socket and closes it itself.
#include "health/cares_channel.h"

#include <ares.h>

#include <utility>

namespace drover::health {

namespace {

// Bytes. The answers of hundreds of names come at once, to one socket; the kernel takes what it allows of it.
constexpr int kReceiveBuffer = 1 << 20;

Result<void> result_of(int status, const std::string& what) {
  if (status == ARES_SUCCESS) return {};
  return fail(Code::kConfiguration, Side::kDrover, what + ": " + ares_strerror(status));
}

// "10.0.0.2:53,[fd00::2]:53", as ares_set_servers_ports_csv(3) reads it.
std::string comma_separated(const std::vector<config::Endpoint>& nameservers) {
  std::string text;
  for (const config::Endpoint& server : nameservers) {
    if (!text.empty()) text += ',';
    const bool v6 = server.host.find(':') != std::string::npos;
    text += v6 ? "[" + server.host + "]" : server.host;
    text += ':' + std::to_string(server.port);
  }
  return text;
}

void tell(void* query, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owner(found, &ares_freeaddrinfo);
  if (status == ARES_EDESTRUCTION) return;  // the channel goes, and whoever asked may be gone
  static_cast<CaresChannel::Query*>(query)->on_answer(status, found);
}

}  // namespace

class CaresChannel::Socket final : public net::Poller::Source {
 public:
  explicit Socket(CaresChannel& channel) : channel_(channel) {}
  ~Socket() { channel_.loop_.poller().forget(*this); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void want(int descriptor, std::uint32_t events) {
    if (fd() >= 0) return channel_.loop_.poller().change(*this, events);
    // One that the kernel will not watch is as good as one that nobody answers: its queries time out.
    static_cast<void>(channel_.loop_.poller().watch(*this, descriptor, events));
  }

 private:
  void on_ready(std::uint32_t events) noexcept override {
    // An error is found by reading, and by writing where that is what is waited for.
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) events |= watched();
    const int descriptor = fd();
    // c-ares may close it, which destroys this.
    channel_.process((events & EPOLLIN) != 0 ? descriptor : -1, (events & EPOLLOUT) != 0 ? descriptor : -1);
  }
  CaresChannel& channel_;
};

void CaresChannel::Timer::on_deadline() noexcept {
  channel_.process(-1, -1);
}

Result<std::unique_ptr<CaresChannel>> CaresChannel::make(net::Loop& loop, Source source,
                                                         const std::vector<config::Endpoint>& nameservers,
                                                         const ResolverOptions& options) {
  // A count of users and, on Linux, nothing to be freed: once a process.
  static const int kLibrary = ares_library_init(ARES_LIB_INIT_ALL);
  if (auto ready = result_of(kLibrary, "c-ares"); !ready) return std::unexpected(ready.error());
  std::unique_ptr<CaresChannel> channel(new CaresChannel(loop));
  if (auto opened = channel->open(source, options); !opened) return std::unexpected(opened.error());
  if (nameservers.empty()) return channel;
  if (auto used = channel->use_servers(nameservers); !used) return std::unexpected(used.error());
  return channel;
}

CaresChannel::CaresChannel(net::Loop& loop) : loop_(loop) {}

CaresChannel::~CaresChannel() {
  loop_.wheel().disarm(timer_);
  if (channel_ != nullptr) ares_destroy(channel_);
}

Result<void> CaresChannel::open(Source source, const ResolverOptions& options) {
  std::string lookups = source == Source::kHostsFile ? "f" : "b";
  std::string resolv_conf = options.resolv_conf;
  ares_options wanted{};
  wanted.timeout = static_cast<int>(options.timeout.count());
  wanted.tries = options.tries;
  wanted.udp_port = options.port;
  wanted.tcp_port = options.port;
  wanted.lookups = lookups.data();
  wanted.resolvconf_path = resolv_conf.data();
  wanted.socket_receive_buffer_size = kReceiveBuffer;
  wanted.sock_state_cb_data = this;
  wanted.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    const std::uint32_t in = readable != 0 ? EPOLLIN : 0U;
    const std::uint32_t out = writable != 0 ? EPOLLOUT : 0U;
    static_cast<CaresChannel*>(self)->on_interest(fd, in | out);
  };
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT | ARES_OPT_LOOKUPS |
             ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_RCVBUF | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
  // How long an answer is good for is the business of whoever asks.
  wanted.qcache_max_ttl = 0;
  mask |= ARES_OPT_QUERY_CACHE;
#endif
  return result_of(ares_init_options(&channel_, &wanted, mask), "c-ares");
}

Result<void> CaresChannel::use_servers(const std::vector<config::Endpoint>& nameservers) {
  const std::string servers = comma_separated(nameservers);
  return result_of(ares_set_servers_ports_csv(channel_, servers.c_str()), "nameservers " + servers);
}

void CaresChannel::ask(const std::string& name, int family, Query& query) {
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;  // sorting opens a socket an address
  hints.ai_family = family;
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &tell, &query);
}

void CaresChannel::arm_timer() {
  timeval left{};
  if (ares_timeout(channel_, nullptr, &left) == nullptr) return loop_.wheel().disarm(timer_);
  // Rounded up to whole milliseconds. c-ares has a clock of its own: where it finds a call early, it waits on.
  const auto exact = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
  loop_.arm(timer_, loop_.now() + std::chrono::ceil<Milliseconds>(exact));
}

void CaresChannel::on_interest(int fd, std::uint32_t events) {
  if (events == 0) {
    sockets_.erase(fd);  // c-ares closes it right behind this
    return;
  }
  auto& socket = sockets_[fd];
  if (!socket) socket = std::make_unique<Socket>(*this);
  socket->want(fd, events);
}

void CaresChannel::process(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  arm_timer();
}

}  // namespace drover::health
