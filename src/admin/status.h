// What the admin server tells about the process, as plain values; whom it asks for them is in source.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace drover::admin {

struct PoolStatus {
  std::string name;
  std::size_t backends = 0;
  std::size_t eligible = 0;  // of them
  bool required = false;     // not ready without one
};

struct CertificateStatus {
  std::string file;
  std::chrono::system_clock::time_point not_after;
};

struct Status {
  std::string version;
  std::chrono::seconds uptime{0};
  std::chrono::system_clock::time_point started;  // as the wall clock was then
  std::string obstacle;  // why new sessions are not welcome (proxy/readiness.h); empty: they are
  std::uint32_t active_connections = 0;
  std::uint32_t max_connections = 0;
  std::uint64_t descriptors_used = 0;
  std::uint64_t descriptors_limit = 0;
  std::uint64_t resident_bytes = 0;     // resident_bytes() below
  std::uint64_t buffered_bytes = 0;     // that wait for slow peers
  std::uint64_t paused_relays = 0;      // directions that stand still for them
  std::uint64_t log_lines_dropped = 0;  // since the start
  std::uint64_t drain_left = 0;         // sessions that a shutdown still has to see end
  std::vector<PoolStatus> pools;
  std::vector<CertificateStatus> certificates;  // of listeners, each file once
};

// Descriptors that the process has open; 0 where /proc does not tell.
std::uint64_t open_descriptors();

// How many local ports the kernel has for connections to one address and port; 0 where /proc does not tell.
std::uint64_t local_ports();

// Physical memory that the process holds; 0 where /proc does not tell.
std::uint64_t resident_bytes();

}  // namespace drover::admin
