// How many workers `workers: auto` means: the CPUs that the affinity mask and the cgroup's CPU quota leave.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace drover::app {

// CPUs that this process may run on.
unsigned cpus_in_affinity_mask();

// CPUs' worth of time a second that the cgroups of this process grant; none: no quota. Version 2 and version 1, the
// strictest of the cgroup and those above it. `root` is where /proc and /sys are.
std::optional<double> cgroup_cpu_quota(const std::filesystem::path& root = "/");

// A quota is rounded down, but not below 1: with more threads than quota the kernel stops the whole process until the
// next period, and every session stands still with it.
unsigned workers_for(unsigned cpus, std::optional<double> quota);

// The contents of cpu.max, "150000 100000" or "max 100000", and of cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
std::optional<double> quota_from_v2(std::string_view cpu_max);
std::optional<double> quota_from_v1(std::string_view quota_us, std::string_view period_us);

}  // namespace drover::app
