// The protocol of sd_notify(3) against a socket that plays systemd.
#include "app/systemd_notify.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <string>

#include "support/scratch_folder.h"

using drover::app::systemd_notify;

namespace {

class Systemd {
 public:
  // `name` as in $NOTIFY_SOCKET.
  explicit Systemd(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Systemd() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
  }
  Systemd(const Systemd&) = delete;
  Systemd& operator=(const Systemd&) = delete;

  // Empty: nothing has arrived. A datagram of a unix socket is there when sendto() returns.
  std::string heard() const {
    char text[256];
    const ssize_t size = ::recv(fd_, text, sizeof(text), 0);
    return {text, size > 0 ? static_cast<std::size_t>(size) : 0};
  }

 private:
  int fd_;
};

}  // namespace

TEST_CASE("speaks to a socket in the file system") {
  ScratchFolder folder;
  const Systemd systemd((folder.path() / "notify").string());
  systemd_notify("READY=1\nMAINPID=7");
  CHECK(systemd.heard() == "READY=1\nMAINPID=7");
}

TEST_CASE("speaks to a socket in the abstract namespace") {
  const Systemd systemd("@drover-test-" + std::to_string(::getpid()));
  systemd_notify("STOPPING=1");
  CHECK(systemd.heard() == "STOPPING=1");
}

TEST_CASE("nobody asked, or nobody listens: nothing happens") {
  systemd_notify("READY=1");
  for (const std::string& name : {std::string("/nowhere/notify"), std::string("relative"), std::string(200, '/')}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    systemd_notify("READY=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
}

TEST_CASE("a reload has the time of its beginning, which systemd compares with its own clock") {
  const ScratchFolder folder;
  const Systemd systemd((folder.path() / "notify").string());
  timespec before{};
  ::clock_gettime(CLOCK_MONOTONIC, &before);
  drover::app::systemd_notify_reloading();
  const std::string heard = systemd.heard();
  const std::string expected = "RELOADING=1\nMONOTONIC_USEC=";
  REQUIRE(heard.starts_with(expected));
  const long long microseconds = std::stoll(heard.substr(expected.size()));
  CHECK(microseconds >= before.tv_sec * 1'000'000LL + before.tv_nsec / 1'000);
  CHECK(microseconds < (before.tv_sec + 60) * 1'000'000LL);
}
