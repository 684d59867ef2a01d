// CPUs counted from given contents of /proc and /sys.
#include "app/workers_count.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <fstream>
#include <string>

#include "support/scratch_folder.h"

using namespace drover::app;

namespace {

// A machine as far as the count looks at it.
class Machine {
 public:
  void write(const std::string& path, const std::string& contents) {
    const auto file = folder_.path() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << contents;
  }
  std::optional<double> quota() const { return cgroup_cpu_quota(folder_.path()); }

 private:
  ScratchFolder folder_;
};

}  // namespace

TEST_CASE("cpu.max: a quota, none, and nonsense") {
  CHECK(quota_from_v2("150000 100000\n") == 1.5);
  CHECK(quota_from_v2("max 100000\n") == std::nullopt);
  for (const char* text : {"", "150000", "0 100000", "100000 0", "-1 100000", "x y"}) {
    CHECK_MESSAGE(quota_from_v2(text) == std::nullopt, text);
  }
}

TEST_CASE("cpu.cfs_quota_us: a quota, none, and nonsense") {
  CHECK(quota_from_v1("200000\n", "100000\n") == 2.0);
  CHECK(quota_from_v1("-1\n", "100000\n") == std::nullopt);
  CHECK(quota_from_v1("", "") == std::nullopt);
  CHECK(quota_from_v1("200000", "") == std::nullopt);
}

TEST_CASE("version 2: the strictest of the cgroup and those above it") {
  Machine machine;
  machine.write("proc/self/cgroup", "0::/system.slice/drover.service\n");
  machine.write("sys/fs/cgroup/system.slice/drover.service/cpu.max", "400000 100000\n");
  CHECK(machine.quota() == 4.0);
  machine.write("sys/fs/cgroup/system.slice/cpu.max", "250000 100000\n");
  CHECK(machine.quota() == 2.5);
  machine.write("sys/fs/cgroup/system.slice/drover.service/cpu.max", "50000 100000\n");
  CHECK(machine.quota() == 0.5);
}

TEST_CASE("version 2 in a container: the mount begins at the container's cgroup") {
  Machine machine;
  machine.write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  machine.write("proc/self/cgroup", "0::/\n");
  CHECK(machine.quota() == 3.0);
  machine.write("proc/self/cgroup", "0::/docker/0123\n");  // the host's path, which is not there
  CHECK(machine.quota() == 3.0);
}

TEST_CASE("version 1, alone and beside an empty version 2") {
  Machine machine;
  machine.write("proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/a\n0::/\n");
  machine.write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "120000\n");
  machine.write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  CHECK(machine.quota() == 1.2);
  machine.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  machine.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK(machine.quota() == 1.2);
}

TEST_CASE("version 1: cpuset and cpuacct are not cpu, and the plain mount name counts") {
  Machine machine;
  machine.write("proc/self/cgroup", "3:cpuset:/a\n2:cpuacct:/a\n");
  machine.write("sys/fs/cgroup/cpuset/a/cpu.cfs_quota_us", "100000\n");
  machine.write("sys/fs/cgroup/cpuset/a/cpu.cfs_period_us", "100000\n");
  machine.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "100000\n");
  machine.write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  CHECK(machine.quota() == std::nullopt);
  machine.write("proc/self/cgroup", "1:cpuacct,cpu:/a\n");
  CHECK(machine.quota() == 1.0);
}

TEST_CASE("no cgroups, or lines that mean nothing: no quota") {
  Machine machine;
  CHECK(machine.quota() == std::nullopt);
  machine.write("proc/self/cgroup", "\nnonsense\n1:\n::\n");
  CHECK(machine.quota() == std::nullopt);
}

TEST_CASE("workers: the CPUs, or the quota rounded down, at least one") {
  CHECK(workers_for(8, std::nullopt) == 8);
  CHECK(workers_for(8, 2.0) == 2);
  CHECK(workers_for(8, 2.9) == 2);
  CHECK(workers_for(8, 0.3) == 1);
  CHECK(workers_for(2, 1e9) == 2);
  CHECK(workers_for(0, std::nullopt) == 1);
}

TEST_CASE("the affinity mask counts, not the machine") {
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof(before), &before) == 0);
  CHECK(cpus_in_affinity_mask() == static_cast<unsigned>(CPU_COUNT(&before)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &before)) continue;
    CPU_SET(cpu, &one);
    break;
  }
  REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
  CHECK(cpus_in_affinity_mask() == 1);
  REQUIRE(sched_setaffinity(0, sizeof(before), &before) == 0);
}
