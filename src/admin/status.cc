// What /proc tells, proc(5).
#include "admin/status.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace drover::admin {

// A folder of descriptors says how many it holds as its size, from Linux 6.2 on; before, they have to be counted.
std::uint64_t open_descriptors() {
  const char* const folder = "/proc/self/fd";
  struct stat about{};
  if (::stat(folder, &about) == 0 && about.st_size > 0) return static_cast<std::uint64_t>(about.st_size);
  std::error_code error;
  const std::filesystem::directory_iterator entries(folder, error);
  return error ? 0 : static_cast<std::uint64_t>(std::distance(begin(entries), end(entries)));
}

// ip(7): the first and the last of them.
std::uint64_t local_ports() {
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  return (range >> first >> last) && first <= last ? last - first + 1 : 0;
}

// The second number counts resident pages.
std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(statm >> total >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace drover::admin
