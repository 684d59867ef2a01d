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

#include "support/scratch_folder.h"

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

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool wait_until(const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// Puts a full pipe that nobody reads in the place of `fd`. The reading end, which is returned, stays open, else writing
// would fail.
int block(int fd) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (::write(ends[1], "x", 1) == 1) continue;
  ::fcntl(ends[1], F_SETFL, 0);
  ::dup2(ends[1], fd);
  return ends[0];
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
  const ScratchFolder folder;
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
  const ScratchFolder folder;
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
          const auto events = dropped_lines(Log::kOperational, Loss::kQueueFull);
          const auto lines = dropped_lines(Log::kAccess, Loss::kQueueFull);
          close();
          // Two queues and a line in the hand of each writer are still waiting; all others have been dropped.
          if (dropped <= 100'000 || dropped != events + lines) return 2;
          return events > 50'000 && lines > 50'000 ? 0 : 3;
        }) == 0);
}

TEST_CASE("one blocked log does not cost the other its lines") {
  const ScratchFolder folder;
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
          wait_until([] { return dropped_lines() == 10; });
          const auto dropped = dropped_lines();
          const auto for_want_of_space = dropped_lines(Log::kAccess, Loss::kNoSpace);
          close();
          return dropped == 10 && for_want_of_space == 10 ? 0 : 2;
        }) == 0);
}

TEST_CASE("once writing works again the operational log tells how many lines were lost, and why") {
  const ScratchFolder folder;
  const auto events = folder / "events";
  const auto lines = folder / "access";
  std::filesystem::create_symlink("/dev/full", lines);
  CHECK(in_child([&] {
          redirect(STDERR_FILENO, events);
          if (!open({.access = lines})) return 1;
          for (int i = 0; i < 10; ++i) access("a line for which there is no room");
          if (!wait_until([] { return dropped_lines() == 10; })) return 2;
          if (!contents(events).empty()) return 3;
          std::filesystem::remove(lines);
          reopen();
          access("a line for which there is room");
          access("another");
          const bool told = wait_until([&] { return contents(events).find("log_lines_dropped") != std::string::npos; });
          close();
          return told ? 0 : 4;
        }) == 0);
  CHECK(contents(lines) == "a line for which there is room\nanother\n");
  const std::string text = contents(events);
  CHECK(text.find(" info logs_reopened path=" + lines + "\n") != std::string::npos);
  const std::string news =
      " warn log_lines_dropped count=10 log=access reason=no_space detail=\"No space left on device\"\n";
  CHECK(text.find(news) != std::string::npos);
  CHECK(text.find("log_lines_dropped") == text.rfind("log_lines_dropped"));
}

TEST_CASE("an operational log without room tells of its own losses once it has room, and adds none of its own") {
  const ScratchFolder folder;
  const auto events = folder / "events";
  CHECK(in_child([&] {
          redirect(STDERR_FILENO, "/dev/full");
          if (!open({.level = Level::kInfo, .access = "off"})) return 1;
          for (int i = 0; i < 3000; ++i) info("lost", {});
          if (!wait_until([] { return dropped_lines() >= 3000; })) return 2;
          redirect(STDERR_FILENO, events);
          info("room", {});
          const bool told = wait_until([&] { return contents(events).find("log_lines_dropped") != std::string::npos; });
          const auto dropped = dropped_lines(Log::kOperational, Loss::kNoSpace);
          close();
          return told && dropped == 3000 ? 0 : 3;
        }) == 0);
  const std::string line = R"(\S+Z )";
  CHECK(std::regex_match(contents(events),
                         std::regex(line + "info room\n" + line +
                                    "warn log_lines_dropped count=3000 log=operational reason=no_space detail=.*\n")));
}

TEST_CASE("losses that nobody was told of are told at the end") {
  const ScratchFolder folder;
  const auto events = folder / "events";
  CHECK(in_child([&] {
          redirect(STDERR_FILENO, events);
          block(STDOUT_FILENO);
          if (!open({.access = "stdout"})) return 1;
          for (int i = 0; i < 20'000; ++i) access("a line that nobody reads");
          close();
          return 0;
        }) == 0);
  const std::string text = contents(events);
  CHECK(std::regex_search(text,
                          std::regex(" warn log_lines_dropped count=1\\d{4} log=access reason=queue_full detail=")));
}

TEST_CASE("a reader that is slow is told of in the log that it reads slowly") {
  const ScratchFolder folder;
  const auto events = folder / "events";
  CHECK(in_child([&] {
          const int reader = block(STDERR_FILENO);
          if (!open({.access = "off"})) return 1;
          for (int i = 0; i < 20'000; ++i) info("event", {{"number", i}});
          if (dropped_lines(Log::kOperational, Loss::kQueueFull) == 0) return 2;
          std::string read;
          const bool told = wait_until([&] {
            char part[4096];
            const auto size = ::read(reader, part, sizeof(part));
            if (size > 0) read.append(part, static_cast<std::size_t>(size));
            return read.find("log_lines_dropped count=1") != std::string::npos &&
                   read.find("log=operational reason=queue_full") != std::string::npos;
          });
          close();
          return told ? 0 : 3;
        }) == 0);
}

TEST_CASE("reopened while many write, every line is in one of the files, whole") {
  constexpr int kLines = 4000;  // fewer than a queue holds: none is lost
  const ScratchFolder folder;
  const auto path = folder / "access";
  CHECK(in_child([&] {
          redirect(STDERR_FILENO, folder / "events");
          if (!open({.access = path})) return 1;
          std::thread writing([] {
            for (int i = 0; i < kLines; ++i) access("line " + std::to_string(i));
          });
          for (int i = 0; i < 50; ++i) {
            std::filesystem::rename(path, folder / ("old" + std::to_string(i)).c_str());
            reopen();
            if (!wait_until([&] { return std::filesystem::exists(path); })) return 2;
          }
          writing.join();
          close();
          return 0;
        }) == 0);
  std::string all;
  for (int i = 0; i < 50; ++i) all += contents(folder / ("old" + std::to_string(i)).c_str());
  all += contents(path);
  std::string expected;
  for (int i = 0; i < kLines; ++i) expected += "line " + std::to_string(i) + "\n";
  CHECK(all == expected);
}

TEST_CASE("a path that cannot be opened anew leaves the old file, and says what to do") {
  const ScratchFolder folder;
  const auto events = folder / "events";
  std::filesystem::create_directory(folder / "place");
  CHECK(in_child([&] {
          redirect(STDERR_FILENO, events);
          if (!open({.access = folder / "place/access"})) return 1;
          std::filesystem::rename(folder / "place", folder / "moved");
          reopen();
          const bool told =
              wait_until([&] { return contents(events).find("logs_reopen_failed") != std::string::npos; });
          access("still here");
          close();
          return told ? 0 : 2;
        }) == 0);
  CHECK(contents(folder / "moved/access") == "still here\n");
  const std::string text = contents(events);
  CHECK(text.find(" error logs_reopen_failed path=" + (folder / "place/access")) != std::string::npos);
  CHECK(text.find("No such file or directory (errno 2)") != std::string::npos);
  CHECK(text.find("send SIGUSR1") != std::string::npos);
}

TEST_CASE("logs that are no files have nothing to reopen") {
  const ScratchFolder folder;
  const auto events = folder / "events";
  for (const std::string target : {"stdout", "stderr", "off"}) {
    std::filesystem::remove(events);
    CHECK(in_child([&] {
            redirect(STDERR_FILENO, events);
            if (!open({.access = target})) return 1;
            reopen();
            close();
            return 0;
          }) == 0);
    CHECK(contents(events).find(" info nothing_to_reopen reason=\"log.access is not a file\"\n") != std::string::npos);
  }
}

TEST_CASE("settings change while it is open: the lines go to another file, and to none") {
  const ScratchFolder folder;
  const auto path = [&folder](const char* name) { return (folder.path() / name).string(); };
  CHECK(in_child([&] {
          const auto change = [](Settings settings) {
            auto prepared = prepare(settings);
            if (prepared) apply(*std::move(prepared));
            return prepared.has_value();
          };
          if (!open({.level = Level::kInfo, .access = "off", .format = Format::kJson})) return 1;
          access("nowhere");
          if (access_enabled() || !change({.level = Level::kDebug, .access = path("a"), .format = Format::kText}))
            return 2;
          if (!enabled(Level::kDebug) || access_format() != Format::kText || !access_enabled()) return 3;
          access("first");
          if (!wait_until([&] { return contents(path("a")) == "first\n"; })) return 4;
          if (change({.level = Level::kError, .access = path("none/x"), .format = Format::kJson})) return 5;
          if (!enabled(Level::kDebug) || access_format() != Format::kText) return 6;  // all or nothing
          prepare({.level = Level::kInfo, .access = path("b"), .format = Format::kJson}).value().reset();
          access("second");
          if (!wait_until([&] { return contents(path("a")) == "first\nsecond\n"; })) return 7;
          if (!change({.level = Level::kInfo, .access = path("b"), .format = Format::kJson})) return 8;
          access("third");
          if (!wait_until([&] { return contents(path("b")) == "third\n"; })) return 9;
          if (!change({.level = Level::kInfo, .access = "off", .format = Format::kJson})) return 10;
          access("nowhere");
          if (access_enabled() || !change({.level = Level::kInfo, .access = path("a"), .format = Format::kJson}))
            return 11;
          access("fourth");
          close();
          return contents(path("a")) == "first\nsecond\nfourth\n" && contents(path("b")) == "third\n" ? 0 : 12;
        }) == 0);
}

}  // namespace drover::log
