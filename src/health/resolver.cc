// Questions and their answers: the hosts file first, which answers at once and for both families, as getaddrinfo(3)
// has it, then two queries a name to the name servers. What is answered is handed out at the end of the turn.
#include "health/resolver.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>

#include "health/cares_answer.h"
#include "health/cares_channel.h"

namespace drover::health {

namespace {

// What tells one content of a file from another; an absent file has one of its own.
struct FileStamp {
  static FileStamp of(const std::string& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) return {};
    return {found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
  }
  bool operator==(const FileStamp&) const = default;

  ino_t inode = 0;
  off_t size = -1;
  time_t seconds = 0;
  long nanoseconds = 0;
};

class CaresResolver;

// One of the two queries of a name.
class FamilyQuery final : public CaresChannel::Query {
 public:
  FamilyQuery(CaresResolver& resolver, int family) : resolver_(resolver), family_(family) {}

  bool answered() const { return answer_.has_value(); }
  FamilyAnswer take() { return *std::move(answer_); }
  // Again where it was asked before, and the answer has been lost with its channel.
  void ask(CaresChannel& channel, const std::string& name) {
    if (!answered()) channel.ask(name, family_, *this);
  }

 private:
  void on_answer(int status, const ares_addrinfo* found) noexcept override;
  CaresResolver& resolver_;
  const int family_;
  std::optional<FamilyAnswer> answer_;
};

class HostsFileQuery final : public CaresChannel::Query {
 public:
  std::optional<Answer> answer;  // none: the name is not there

 private:
  void on_answer(int, const ares_addrinfo* found) noexcept override {
    if (found != nullptr) answer = hosts_file_answer(found);
  }
};

class Question {
 public:
  Question(CaresResolver& resolver, std::string name, Resolver::Done done)
      : name_(std::move(name)), done_(std::move(done)), ipv4_(resolver, AF_INET), ipv6_(resolver, AF_INET6) {}

  void look_up(CaresChannel& hosts_file) {
    HostsFileQuery query;
    hosts_file.ask(name_, AF_UNSPEC, query);
    answer_ = std::move(query.answer);
  }
  void ask(CaresChannel& servers) {
    if (answer_) return;
    ipv4_.ask(servers, name_);
    ipv6_.ask(servers, name_);
  }
  bool answered() const { return answer_ || (ipv4_.answered() && ipv6_.answered()); }
  void hand_out() {
    if (!answer_) answer_ = Answer{ipv4_.take(), ipv6_.take()};
    done_(*answer_);
  }

 private:
  const std::string name_;
  const Resolver::Done done_;
  FamilyQuery ipv4_;
  FamilyQuery ipv6_;
  std::optional<Answer> answer_;  // of the hosts file, or once both queries are answered
};

class CaresResolver final : public Resolver {
 public:
  CaresResolver(net::Loop& loop, std::vector<config::Endpoint> nameservers, ResolverOptions options)
      : loop_(loop), nameservers_(std::move(nameservers)), options_(std::move(options)) {}

  Result<void> open() {
    auto hosts_file = CaresChannel::make(loop_, CaresChannel::Source::kHostsFile, {}, options_);
    if (!hosts_file) return std::unexpected(hosts_file.error());
    hosts_file_ = *std::move(hosts_file);
    return open_servers();
  }

  void resolve(const std::string& name, Done done) override {
    follow_resolv_conf();
    auto& question = *questions_.emplace_back(std::make_unique<Question>(*this, name, std::move(done)));
    question.look_up(*hosts_file_);
    question.ask(*servers_);
    settle_later();
  }

  void settle_later() {
    if (std::exchange(settling_, true)) return;
    loop_.defer([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) settle();
    });
  }

 private:
  Result<void> open_servers() {
    const FileStamp before = FileStamp::of(options_.resolv_conf);  // one that changes meanwhile is read once more
    auto servers = CaresChannel::make(loop_, CaresChannel::Source::kNameServers, nameservers_, options_);
    if (!servers) return std::unexpected(servers.error());
    servers_ = *std::move(servers);
    resolv_conf_ = before;
    return {};
  }

  // c-ares reads it once a channel (1.18), which lives as long as a daemon here: laptops, containers and DHCP change
  // it. Where no channel is to be had, the old one stays for now.
  void follow_resolv_conf() {
    if (!nameservers_.empty() || FileStamp::of(options_.resolv_conf) == resolv_conf_ || !open_servers()) return;
    for (const auto& question : questions_) question->ask(*servers_);
  }

  void settle() {
    settling_ = false;
    const auto answered = std::ranges::partition(
        questions_, [](const std::unique_ptr<Question>& question) { return !question->answered(); });
    const std::vector<std::unique_ptr<Question>> done(std::move_iterator(answered.begin()),
                                                      std::move_iterator(answered.end()));
    questions_.erase(answered.begin(), answered.end());
    for (const auto& question : done) question->hand_out();  // which may ask again
    servers_->arm_timer();
  }

  net::Loop& loop_;
  const std::vector<config::Endpoint> nameservers_;
  const ResolverOptions options_;
  std::vector<std::unique_ptr<Question>> questions_;  // those without their answer yet
  FileStamp resolv_conf_;                             // as servers_ has read it
  std::unique_ptr<CaresChannel> hosts_file_;
  std::unique_ptr<CaresChannel> servers_;
  bool settling_ = false;  // settle() will be called at the end of this turn
  const std::shared_ptr<const CaresResolver*> alive_ = std::make_shared<const CaresResolver*>(this);
};

void FamilyQuery::on_answer(int status, const ares_addrinfo* found) noexcept {
  answer_ = family_answer(family_, status, found);
  resolver_.settle_later();
}

}  // namespace

Result<std::unique_ptr<Resolver>> Resolver::make(net::Loop& loop, const std::vector<config::Endpoint>& nameservers,
                                                 const ResolverOptions& options) {
  auto resolver = std::make_unique<CaresResolver>(loop, nameservers, options);
  if (auto opened = resolver->open(); !opened) return std::unexpected(opened.error());
  return resolver;
}

}  // namespace drover::health
