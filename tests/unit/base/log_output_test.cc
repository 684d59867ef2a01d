// Lines to a file that has no room, and to one that was renamed.
#include "base/log_output.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/scratch_folder.h"

namespace drover::log {

namespace {

// No file may grow over `bytes` meanwhile: the kernel writes what has room and refuses the rest, as on a full disk.
class LargestFile {
 public:
  explicit LargestFile(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~LargestFile() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::unique_ptr<Output> open_output(const std::string& path) {
  auto output = Output::open(path);
  REQUIRE(output);
  return *std::move(output);
}

}  // namespace

TEST_CASE("the line behind one that was cut begins on a fresh line, however long there was no room") {
  const ScratchFolder folder;
  const auto output = open_output(folder / "log");
  CHECK(output->write("first\n") == 0);
  {
    const LargestFile limit(10);
    CHECK(output->write("second\n") == EFBIG);
    CHECK(output->write("third\n") == EFBIG);
  }
  CHECK(output->write("fourth\n") == 0);
  CHECK(output->write("fifth\n") == 0);
  CHECK(contents(folder / "log") == "first\nseco\nfourth\nfifth\n");
}

TEST_CASE("a line of which nothing was written leaves no empty line behind") {
  const ScratchFolder folder;
  const auto output = open_output(folder / "log");
  CHECK(output->write("first\n") == 0);
  {
    const LargestFile limit(6);
    CHECK(output->write("second\n") == EFBIG);
  }
  CHECK(output->write("third\n") == 0);
  CHECK(contents(folder / "log") == "first\nthird\n");
}

TEST_CASE("a cut line is ended where only that has room") {
  const ScratchFolder folder;
  const auto output = open_output(folder / "log");
  {
    const LargestFile limit(3);
    CHECK(output->write("first\n") == EFBIG);
  }
  {
    const LargestFile limit(4);
    CHECK(output->write("second\n") == EFBIG);
  }
  CHECK(output->write("third\n") == 0);
  CHECK(contents(folder / "log") == "fir\nthird\n");
}

TEST_CASE("reopened, the lines go to a new file under the path, which starts with a whole line") {
  const ScratchFolder folder;
  const auto output = open_output(folder / "log");
  {
    const LargestFile limit(3);
    CHECK(output->write("first\n") == EFBIG);
  }
  std::filesystem::rename(folder / "log", folder / "old");
  REQUIRE(output->reopen());
  CHECK(output->write("second\n") == 0);
  CHECK(contents(folder / "old") == "fir");
  CHECK(contents(folder / "log") == "second\n");
}

TEST_CASE("a file that is still under its path goes on where it was") {
  const ScratchFolder folder;
  const auto output = open_output(folder / "log");
  {
    const LargestFile limit(3);
    CHECK(output->write("first\n") == EFBIG);
  }
  REQUIRE(output->reopen());
  CHECK(output->write("second\n") == 0);
  CHECK(contents(folder / "log") == "fir\nsecond\n");
}

TEST_CASE("where the path cannot be opened the old file stays, and the error says which, why and by what number") {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "place");
  const auto path = folder / "place/log";
  const auto output = open_output(path);
  std::filesystem::rename(folder / "place", folder / "moved");
  const auto reopened = output->reopen();
  REQUIRE(!reopened);
  CHECK(reopened.error().detail ==
        "log.access: cannot open " + path + ": No such file or directory (errno " + std::to_string(ENOENT) + ")");
  CHECK(output->write("line\n") == 0);
  CHECK(contents(folder / "moved/log") == "line\n");
}

TEST_CASE("a FIFO that nobody reads is an error and not a wait; one with a reader gets its lines") {
  const ScratchFolder folder;
  const std::string path = folder / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto refused = Output::open(path);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.find("errno " + std::to_string(ENXIO)) != std::string::npos);

  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  CHECK(open_output(path)->write("line\n") == 0);
  char text[16];
  CHECK(::read(reader, text, sizeof(text)) == 5);
  ::close(reader);
}

TEST_CASE("there is nothing to reopen of stderr") {
  const auto output = open_output("stderr");
  CHECK(output->path().empty());
  CHECK(output->reopen());
}

}  // namespace drover::log
