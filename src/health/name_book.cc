// A name is a node of the wheel: it waits for its next question.
#include "health/name_book.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace drover::health {

namespace {

using Outcome = FamilyAnswer::Outcome;

bool same(const std::vector<net::Address>& a, const std::vector<net::Address>& b) {
  return std::ranges::equal(a, b, {}, &net::Address::ip_bytes, &net::Address::ip_bytes);
}

std::string texts_of(const std::vector<net::Address>& addresses) {
  std::string texts;
  for (const auto& address : addresses) texts += (texts.empty() ? "" : ",") + address.ip_text();
  return texts;
}

}  // namespace

class NameBook::Name final : public net::TimerWheel::Node, public std::enable_shared_from_this<Name> {
 public:
  Name(NameBook& book, std::string name, Milliseconds interval)
      : book_(book), name_(std::move(name)), interval_(interval) {}
  ~Name() { book_.loop_.wheel().disarm(*this); }
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;

  void ask() {
    book_.loop_.wheel().disarm(*this);
    book_.resolver_->resolve(name_, [asked = weak_from_this()](const Answer& answer) {
      if (const auto kept = asked.lock()) kept->take(answer);
    });
  }
  void set_interval(Milliseconds interval) {
    if (std::exchange(interval_, interval) > interval) ask();  // the next question may be a long time off
  }
  const std::string& name() const { return name_; }
  bool asked() const { return asked_; }
  std::vector<net::Address> addresses() const {
    std::vector<net::Address> all = ipv4_;
    all.insert(all.end(), ipv6_.begin(), ipv6_.end());
    return all;
  }

 private:
  void on_deadline() noexcept override { ask(); }
  void take(const Answer& answer);
  Milliseconds next(const Answer& answer) const;
  void note(const Answer& answer);

  NameBook& book_;
  const std::string name_;
  Milliseconds interval_;
  std::vector<net::Address> ipv4_;
  std::vector<net::Address> ipv6_;
  bool asked_ = false;
  bool failing_ = false;
};

// A family is replaced by what came for it. None of it counts only where the other family has some: an answer without
// any address is more often a mistake in the zone than an order to leave.
void NameBook::Name::take(const Answer& answer) {
  const auto before = addresses();
  const auto learn = [](std::vector<net::Address>& known, const FamilyAnswer& family, const FamilyAnswer& other) {
    const bool gone = family.outcome == Outcome::kNone && other.outcome == Outcome::kAddresses;
    if (family.outcome == Outcome::kAddresses || gone) known = family.addresses;
  };
  learn(ipv4_, answer.ipv4, answer.ipv6);
  learn(ipv6_, answer.ipv6, answer.ipv4);
  asked_ = true;
  note(answer);
  book_.loop_.arm(*this, book_.loop_.now() + next(answer));
  const auto now = addresses();
  if (same(before, now)) return;
  log::info("name_resolved", {{"name", name_}, {"addresses", texts_of(now)}});
  book_.on_change_();
}

// Said when it begins and when it ends, not every time.
void NameBook::Name::note(const Answer& answer) {
  const bool answered = answer.ipv4.outcome == Outcome::kAddresses || answer.ipv6.outcome == Outcome::kAddresses;
  if (answered) {
    if (failing_) log::info("name_answers_again", {{"name", name_}});
    failing_ = false;
    return;
  }
  if (std::exchange(failing_, true)) return;
  const bool failed_only_ipv6 = answer.ipv4.outcome == Outcome::kNone && answer.ipv6.outcome == Outcome::kFailed;
  log::warn("name_not_resolved", {{"name", name_},
                                  {"reason", failed_only_ipv6 ? answer.ipv6.reason : answer.ipv4.reason},
                                  {"kept", texts_of(addresses())}});
}

Milliseconds NameBook::Name::next(const Answer& answer) const {
  Milliseconds wait = addresses().empty() ? kLeastInterval : interval_;
  for (const FamilyAnswer* family : {&answer.ipv4, &answer.ipv6}) {
    if (family->outcome == Outcome::kAddresses) wait = std::min(wait, family->ttl);
  }
  return std::max(wait, kLeastInterval);
}

NameBook::NameBook(net::Loop& loop, std::unique_ptr<Resolver> resolver, std::function<void()> on_change)
    : loop_(loop), resolver_(std::move(resolver)), on_change_(std::move(on_change)) {}

NameBook::~NameBook() = default;

void NameBook::keep(const std::map<std::string, Milliseconds>& names) {
  std::erase_if(names_, [&](const auto& one) { return !names.contains(one->name()); });
  for (const auto& [name, interval] : names) {
    const auto known = std::ranges::find_if(names_, [&](const auto& one) { return one->name() == name; });
    if (known != names_.end()) {
      (*known)->set_interval(interval);
      continue;
    }
    names_.push_back(std::make_shared<Name>(*this, name, interval));
    names_.back()->ask();
  }
}

void NameBook::ask(std::unique_ptr<Resolver> resolver) {
  resolver_ = std::move(resolver);
  for (auto& name : names_) name->ask();
}

bool NameBook::all_asked() const {
  return std::ranges::all_of(names_, [](const auto& name) { return name->asked(); });
}

std::map<std::string, std::vector<net::Address>, std::less<>> NameBook::addresses() const {
  std::map<std::string, std::vector<net::Address>, std::less<>> all;
  for (const auto& name : names_) {
    if (auto addresses = name->addresses(); !addresses.empty()) all.emplace(name->name(), std::move(addresses));
  }
  return all;
}

}  // namespace drover::health
