// Limits of connections, from the configuration and from descriptors.
#include "proxy/admission.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace drover::proxy {
namespace {

// In a process of its own, which cannot have more descriptors than that.
int reserve_at(rlim_t limit) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit both{limit, limit};
    ::_exit(::setrlimit(RLIMIT_NOFILE, &both) == 0 ? static_cast<int>(descriptor_budget(1, 1, 0).reserve) : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WEXITSTATUS(status) > 0);
  return WEXITSTATUS(status);
}

TEST_CASE("the effective limit is the smaller of what is configured and what descriptors allow") {
  config::Limits limits;
  limits.max_connections = 100;
  CHECK(effective_max_connections(limits, {20'000, 20}) == 100);
  limits.max_connections = 100'000;
  CHECK(effective_max_connections(limits, {20'000, 20}) == 9'990);  // (20,000 − 20) / 2
  limits.max_connections = 0;                                       // none configured
  CHECK(effective_max_connections(limits, {20'000, 20}) == 9'990);
  CHECK(effective_max_connections(limits, {20, 20}) == 0);
  CHECK(effective_max_connections(limits, {10, 20}) == 0);
}

TEST_CASE("beyond the limit a few connections are accepted, to be refused in words, and then none") {
  Admission admission(2);
  CHECK(admission.enter() == Admission::Verdict::kAdmitted);
  CHECK(admission.enter() == Admission::Verdict::kAdmitted);
  for (std::uint32_t i = 0; i < Admission::kRefusedAtOnce; ++i) {
    CHECK(admission.may_accept());
    CHECK(admission.enter() == Admission::Verdict::kRefused);
  }
  CHECK_FALSE(admission.may_accept());
  admission.leave();
  CHECK(admission.may_accept());
  for (std::uint32_t i = 0; i < Admission::kRefusedAtOnce; ++i) admission.leave();
  CHECK(admission.active() == 1);
  CHECK(admission.enter() == Admission::Verdict::kAdmitted);
}

TEST_CASE("the soft limit of descriptors is raised to the hard one, and the reserve grows with what there is to do") {
  const auto one = descriptor_budget(1, 1, 0);
  const auto four = descriptor_budget(4, 2, 0);
  CHECK(one.limit >= 1);
  CHECK(four.reserve > one.reserve);
  CHECK(descriptor_budget(1, 1, 30).reserve == one.reserve + 30);
}

TEST_CASE("some of the descriptors are kept for sessions that change their backends") {
  CHECK(reserve_at(1'024) - reserve_at(512) == 16);
}

}  // namespace
}  // namespace drover::proxy
