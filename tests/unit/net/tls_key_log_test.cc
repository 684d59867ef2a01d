// The file of secrets, which is the process's: each case is in a process of its own.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "tls_fixture.h"

namespace drover::net {

namespace {

// Whether it returned true there.
template <class Act>
bool in_a_process_of_its_own(Act act) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int status = 1;
    try {
      status = act() ? 0 : 1;
    } catch (...) {
      status = 2;
    }
    ::_exit(status);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void talk(Newest newest) {
  Established f(newest);
  f.client().write(as_bytes("x"));
  run_until(f.loop, [&] { return f.at_server().text == "x"; });
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("SSLKEYLOGFILE: secrets of both sides and versions go to the file, which is its owner's alone") {
  const ScratchFolder folder;
  const std::string file = folder / "keys";
  REQUIRE(in_a_process_of_its_own([&] {
    ::setenv("SSLKEYLOGFILE", file.c_str(), 1);
    const auto opened = open_tls_key_log();
    if (!opened || *opened != file) return false;
    talk(Newest::k12);
    talk(Newest::k13);
    return true;
  }));
  const auto text = text_of(file);
  const auto count = [&](const std::string& label) {
    int found = 0;
    for (auto at = text.find(label); at != std::string::npos; at = text.find(label, at + 1)) ++found;
    return found;
  };
  CHECK(count("CLIENT_RANDOM ") == 2);
  CHECK(count("CLIENT_TRAFFIC_SECRET_0 ") == 2);
  CHECK(text.ends_with('\n'));
  struct stat status{};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
}

TEST_CASE("SSLKEYLOGFILE: nothing where none is named") {
  CHECK(in_a_process_of_its_own([] {
    ::unsetenv("SSLKEYLOGFILE");
    const auto unset = open_tls_key_log();
    ::setenv("SSLKEYLOGFILE", "", 1);
    const auto empty = open_tls_key_log();
    talk(Newest::k13);
    return unset && unset->empty() && empty && empty->empty();
  }));
}

TEST_CASE("SSLKEYLOGFILE: a file that cannot be opened is an error with its name and the reason") {
  CHECK(in_a_process_of_its_own([] {
    ::setenv("SSLKEYLOGFILE", "/no/such/folder/keys", 1);
    const auto opened = open_tls_key_log();
    return !opened && opened.error().code == Code::kConfiguration &&
           opened.error().detail == "SSLKEYLOGFILE: /no/such/folder/keys: No such file or directory";
  }));
}

}  // namespace drover::net
