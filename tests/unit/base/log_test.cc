// The logs: fields that stay on one line, lines that arrive, and outputs that block or fail without anybody waiting.
#include "base/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <string>
#include <thread>

namespace drover::log {

namespace {

using std::chrono::steady_clock;

// A process of its own, since the logs are process-wide and stdout and stderr are played with.
int in_child(const std::function<int()>& body) {
  std::fflush(nullptr);  // or the child would write it too
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);  // a child that hangs fails its test
    std::exit(body());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "drover-log-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Puts a full pipe that nobody reads in the place of `fd`. The reading end stays open, else writing would fail.
void block(int fd) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (::write(ends[1], "x", 1) == 1) continue;
  ::fcntl(ends[1], F_SETFL, 0);
  ::dup2(ends[1], fd);
}

void redirect(int fd, const std::string& path) {
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  if (file < 0) std::abort();
  ::dup2(file, fd);
}

}  // namespace

TEST_CASE("plain values stand as they are, others are quoted and escaped") {
  CHECK(fields_text({}).empty());
  CHECK(fields_text({{"address", "[::1]:80"}, {"count", 3}, {"ratio", -1}}) == " address=[::1]:80 count=3 ratio=-1");
  CHECK(fields_text({{"empty", ""}}) == " empty=\"\"");
  CHECK(fields_text({{"text", "two words"}}) == " text=\"two words\"");
  CHECK(fields_text({{"text", "a=b"}}) == " text=\"a=b\"");
  CHECK(fields_text({{"text", "say \"hi\" \\"}}) == R"( text="say \"hi\" \\")");
  CHECK(fields_text({{"text", "a\r\nb\x1b[2J\x7f"}}) == R"( text="a\x0d\x0ab\x1b[2J\x7f")");
  CHECK(fields_text({{"text", "\xc2\x9b\xff"}}) == R"( text="\xc2\x9b\xff")");
  CHECK(fields_text({{"text", std::string("a\0b", 3)}}) == R"( text="a\x00b")");
}

TEST_CASE("events go to stderr with time and level, access lines to their file as they are") {
  const TemporaryFolder folder;
  const auto events = folder / "events";
  const auto lines = folder / "access";
  const int status = in_child([&] {
    redirect(STDERR_FILENO, events);
    if (!open({.level = Level::kInfo, .access = lines})) return 1;
    info("listening", {{"address", "127.0.0.1:80"}});
    debug("hidden", {});
    error("broken", {{"why", "no reason"}});
    access("{\"event\":\"session\"}");
    access("{\"event\":\"another\"}");
    const bool lost = dropped_lines() != 0;
    close();
    info("late", {});
    access("late");
    return lost ? 2 : 0;
  });
  CHECK(status == 0);
  const std::string stamp = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )";
  CHECK(std::regex_match(contents(events), std::regex(stamp + "info listening address=127\\.0\\.0\\.1:80\n" + stamp +
                                                      "error broken why=\"no reason\"\n")));
  CHECK(contents(lines) == "{\"event\":\"session\"}\n{\"event\":\"another\"}\n");
}

TEST_CASE("levels below the one that is set are not logged") {
  CHECK(in_child([] {
          redirect(STDERR_FILENO, "/dev/null");
          if (!open({.level = Level::kWarn, .access = "off"})) return 1;
          const bool right =
              enabled(Level::kError) && enabled(Level::kWarn) && !enabled(Level::kInfo) && !enabled(Level::kDebug);
          access("nowhere");
          const bool without_access = !access_enabled();
          close();
          return right && without_access ? 0 : 2;
        }) == 0);
}

TEST_CASE("an access log that cannot be opened is an error with its path") {
  CHECK(in_child([] {
          const auto opened = open({.access = "/nonexistent/folder/access.log"});
          if (opened || opened.error().code != Code::kConfiguration) return 1;
          return opened.error().detail.find("/nonexistent/folder/access.log") == std::string::npos ? 2 : 0;
        }) == 0);
}

TEST_CASE("an access log is appended to") {
  const TemporaryFolder folder;
  const auto path = folder / "access";
  std::ofstream(path) << "old\n";
  CHECK(in_child([&] {
          redirect(STDERR_FILENO, "/dev/null");
          if (!open({.access = path})) return 1;
          access("new");
          close();
          return 0;
        }) == 0);
  CHECK(contents(path) == "old\nnew\n");
}

TEST_CASE("blocked outputs hold up neither the caller nor the end of the process, and what is lost is counted") {
  CHECK(in_child([] {
          block(STDOUT_FILENO);
          block(STDERR_FILENO);
          if (!open({.level = Level::kInfo, .access = "stdout"})) return 1;
          for (int i = 0; i < 100'000; ++i) {
            access("a line that nobody reads");
            info("an event that nobody reads", {{"number", i}});
          }
          const auto dropped = dropped_lines();
          close();
          // Two queues and a line in the hand of each writer are still waiting; all others have been dropped.
          return dropped > 100'000 ? 0 : 2;
        }) == 0);
}

TEST_CASE("one blocked log does not cost the other its lines") {
  const TemporaryFolder folder;
  const auto events = folder / "events";
  CHECK(in_child([&] {
          block(STDOUT_FILENO);
          redirect(STDERR_FILENO, events);
          if (!open({.access = "stdout"})) return 1;
          for (int i = 0; i < 20'000; ++i) access("a line that nobody reads");
          info("still_here", {});
          close();
          return 0;
        }) == 0);
  CHECK(contents(events).find("info still_here\n") != std::string::npos);
}

TEST_CASE("lines that a full disk does not take are counted") {
  CHECK(in_child([] {
          redirect(STDERR_FILENO, "/dev/null");
          if (!open({.access = "/dev/full"})) return 1;
          for (int i = 0; i < 10; ++i) access("a line for which there is no room");
          const auto deadline = steady_clock::now() + std::chrono::seconds(20);
          while (dropped_lines() < 10 && steady_clock::now() < deadline) std::this_thread::yield();
          const auto dropped = dropped_lines();
          close();
          return dropped == 10 ? 0 : 2;
        }) == 0);
}

}  // namespace drover::log
