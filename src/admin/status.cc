// proc(5): the second number of /proc/self/statm counts resident pages.
#include "admin/status.h"

#include <unistd.h>

#include <fstream>

namespace drover::admin {

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(statm >> total >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace drover::admin
