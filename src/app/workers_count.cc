// sched_getaffinity(2) and the files of cgroups(7).
#include "app/workers_count.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace drover::app {

namespace {

std::optional<std::int64_t> leading_number(std::string_view text) {
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<double> ratio(std::optional<std::int64_t> quota, std::optional<std::int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// Empty where it cannot be read: a missing file is the usual way to say "no quota".
std::string contents_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::optional<double> stricter(std::optional<double> one, std::optional<double> other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

std::optional<double> quota_in(const std::filesystem::path& cgroup) {
  return stricter(quota_from_v2(contents_of(cgroup / "cpu.max")),
                  quota_from_v1(contents_of(cgroup / "cpu.cfs_quota_us"), contents_of(cgroup / "cpu.cfs_period_us")));
}

// `below` a mounted hierarchy, and every cgroup above it: each of them limits. Folders that are not there are skipped:
// in a container the path may be the host's while the mount begins at the container.
std::optional<double> quota_along(const std::filesystem::path& mount, const std::filesystem::path& below) {
  std::optional<double> quota = quota_in(mount);
  std::filesystem::path cgroup = mount;
  for (const auto& part : below.relative_path()) quota = stricter(quota, quota_in(cgroup /= part));
  return quota;
}

// Where the hierarchy of a line of /proc/self/cgroup may be mounted: "4:cpu,cpuacct:/a" (version 1), "0::/a" (2).
std::vector<std::string> mounts_of(std::string_view controllers) {
  if (controllers.empty()) return {"", "unified"};
  const std::string all(controllers);
  const bool with_cpu = ("," + all + ",").find(",cpu,") != std::string::npos;
  return with_cpu ? std::vector<std::string>{all, "cpu"} : std::vector<std::string>{};
}

}  // namespace

unsigned cpus_in_affinity_mask() {
  // Machines with more CPUs than a cpu_set_t has bits make the call fail with EINVAL.
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) return static_cast<unsigned>(CPU_COUNT(&mask));
  return std::max(1U, std::thread::hardware_concurrency());
}

std::optional<double> quota_from_v2(std::string_view cpu_max) {
  const auto space = cpu_max.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return ratio(leading_number(cpu_max), leading_number(cpu_max.substr(space + 1)));
}

std::optional<double> quota_from_v1(std::string_view quota_us, std::string_view period_us) {
  return ratio(leading_number(quota_us), leading_number(period_us));
}

std::optional<double> cgroup_cpu_quota(const std::filesystem::path& root) {
  std::ifstream lines(root / "proc/self/cgroup");
  std::optional<double> quota;
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = std::string_view(line).substr(first + 1, second - first - 1);
    for (const auto& mount : mounts_of(controllers)) {
      quota = stricter(quota, quota_along(root / "sys/fs/cgroup" / mount, line.substr(second + 1)));
    }
  }
  return quota;
}

unsigned workers_for(unsigned cpus, std::optional<double> quota) {
  const unsigned available = std::max(1U, cpus);
  if (!quota || *quota >= available) return available;
  return std::max(1U, static_cast<unsigned>(*quota));
}

}  // namespace drover::app
