// The pid file: written, locked, removed, and careful with what it finds.
#include "app/pidfile.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <optional>

#include "support/scratch_folder.h"

using drover::app::Pidfile;

namespace {

std::string contents_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const std::string kOwnId = std::to_string(::getpid()) + "\n";

}  // namespace

TEST_CASE("holds the id while it lives and is gone afterwards") {
  ScratchFolder folder;
  const auto path = folder.path() / "drover.pid";
  {
    const auto file = Pidfile::create(path);
    REQUIRE(file.has_value());
    CHECK(contents_of(path) == kOwnId);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a relative path is removed after the working directory has changed") {
  ScratchFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  {
    const auto file = Pidfile::create("drover.pid");
    std::filesystem::current_path("/");
    REQUIRE(file.has_value());
    CHECK(std::filesystem::exists(folder.path() / "drover.pid"));
  }
  std::filesystem::current_path(before);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a second one with the same file is refused and told whose it is") {
  ScratchFolder folder;
  const auto path = folder.path() / "drover.pid";
  const auto first = Pidfile::create(path);
  REQUIRE(first.has_value());
  const auto second = Pidfile::create(path);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().detail.find("process " + std::to_string(::getpid())) != std::string::npos);
  CHECK(contents_of(path) == kOwnId);
}

TEST_CASE("what a crash left behind is taken over, longer contents too") {
  ScratchFolder folder;
  const auto path = folder.path() / "drover.pid";
  std::ofstream(path) << "4194304000000\n";
  const auto file = Pidfile::create(path);
  REQUIRE(file.has_value());
  CHECK(contents_of(path) == kOwnId);
}

TEST_CASE("a file that is no pid file is left alone") {
  ScratchFolder folder;
  const auto path = folder.path() / "drover.yaml";
  std::ofstream(path) << "listen: \":80\"\n";
  const auto file = Pidfile::create(path);
  REQUIRE_FALSE(file.has_value());
  CHECK(file.error().detail.find("is no pid file") != std::string::npos);
  CHECK(contents_of(path) == "listen: \":80\"\n");
}

TEST_CASE("a link is not followed") {
  ScratchFolder folder;
  std::filesystem::create_symlink(folder.path() / "target", folder.path() / "drover.pid");
  CHECK_FALSE(Pidfile::create(folder.path() / "drover.pid").has_value());
  CHECK_FALSE(std::filesystem::exists(folder.path() / "target"));
}

TEST_CASE("a folder that is not there is named in the error") {
  ScratchFolder folder;
  const auto file = Pidfile::create(folder.path() / "no/drover.pid");
  REQUIRE_FALSE(file.has_value());
  CHECK(file.error().detail.find("no/drover.pid") != std::string::npos);
}

TEST_CASE("a file that has taken its place meanwhile stays") {
  ScratchFolder folder;
  const auto path = folder.path() / "drover.pid";
  {
    const auto file = Pidfile::create(path);
    REQUIRE(file.has_value());
    std::filesystem::rename(path, folder.path() / "old.pid");
    std::ofstream(path) << "1\n";
  }
  CHECK(contents_of(path) == "1\n");
}
