// Where the admin port and the token come from, and which of the places wins.
#include "app/ctl_admin_port.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <optional>

#include "config/addresses.h"
#include "support/scratch_folder.h"

using namespace drover;
using namespace drover::app;

namespace {

constexpr const char* kToken = "0123456789abcdef";

config::Environment environment(std::map<std::string, std::string, std::less<>> set) {
  return [set = std::move(set)](std::string_view name) -> std::optional<std::string> {
    const auto found = set.find(name);
    return found == set.end() ? std::nullopt : std::optional(found->second);
  };
}

class Files {
 public:
  std::string write(const std::string& text) {
    const auto path = folder_.path() / "file";
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  std::string missing() const { return (folder_.path() / "missing").string(); }
  std::string folder() const { return folder_.path().string(); }

 private:
  ScratchFolder folder_;
};

AdminPort found(const CtlLine& line, const config::Environment& variables = environment({})) {
  const auto port = find_admin_port(line, variables);
  REQUIRE_MESSAGE(port.has_value(), port.error().detail);
  return *port;
}

std::string refused(const CtlLine& line, const config::Environment& variables = environment({})) {
  const auto port = find_admin_port(line, variables);
  REQUIRE_FALSE(port.has_value());
  CHECK_FALSE(port.error().detail.ends_with('\n'));
  return port.error().detail;
}

CtlLine with_admin(const char* text) {
  CtlLine line;
  line.admin = *config::parse_endpoint(text);
  return line;
}

CtlLine with_config(const std::string& file) {
  CtlLine line;
  line.config_file = file;
  return line;
}

CtlLine with_token_file(const std::string& file) {
  CtlLine line;
  line.token_file = file;
  return line;
}

std::string config_with(const std::string& admin) {
  return "listen: \":0\"\nbackends: [\"127.0.0.1:1\"]\nadmin: " + admin + "\n";
}

}  // namespace

TEST_CASE("ctl: by default the port is the one that Drover has by default, without a token") {
  const auto port = found({});
  CHECK(port.address.text == "127.0.0.1:9900");
  CHECK(port.token.empty());
}

TEST_CASE("ctl: --admin and --token-file win over the environment") {
  Files files;
  const auto variables = environment({{"DROVER_ADMIN", "10.0.0.1:1"}, {"DROVER_ADMIN_TOKEN", kToken}});
  CHECK(found({}, variables).address.text == "10.0.0.1:1");
  CHECK(found({}, variables).token == kToken);
  CHECK(found(with_admin("10.0.0.2:2"), variables).address.text == "10.0.0.2:2");
  CHECK(found(with_token_file(files.write("another-another\r\n")), variables).token == "another-another");
  CHECK(found({}, environment({{"DROVER_ADMIN", ""}, {"DROVER_ADMIN_TOKEN", ""}})).address.text == "127.0.0.1:9900");
}

TEST_CASE("ctl: any address is where a server listens, and this machine to a client") {
  CHECK(found(with_admin(":9900")).address.text == "127.0.0.1:9900");
  CHECK(found(with_admin("0.0.0.0:9900")).address.host == "127.0.0.1");
  CHECK(found(with_admin("[::]:9900")).address.text == "[::1]:9900");
  CHECK(found(with_admin("[2001:db8::1]:9900")).address.text == "[2001:db8::1]:9900");
  CHECK(found(with_admin("box.example:9900")).address.text == "box.example:9900");
}

TEST_CASE("ctl: -c takes both from the configuration, whatever the environment says") {
  Files files;
  const auto variables =
      environment({{"DROVER_ADMIN", "10.0.0.1:1"}, {"DROVER_ADMIN_TOKEN", "of the environment"}, {"SECRET", kToken}});
  const auto file = files.write(config_with(R"({bind: ":9911", token: "${SECRET}"})"));
  const auto port = found(with_config(file), variables);
  CHECK(port.address.text == "127.0.0.1:9911");
  CHECK(port.token == kToken);
}

TEST_CASE("ctl: what cannot be used says which place is wrong") {
  Files files;
  CHECK(refused({}, environment({{"DROVER_ADMIN", "nowhere"}})).contains("DROVER_ADMIN: 'nowhere' has no port"));
  CHECK(refused({}, environment({{"DROVER_ADMIN_TOKEN", "two words"}})).contains("DROVER_ADMIN_TOKEN"));
  CHECK(refused(with_token_file(files.missing())).contains(files.missing()));
  CHECK(refused(with_token_file(files.folder())).contains("cannot read"));
  CHECK(refused(with_token_file(files.write("\n"))).contains("no token"));
  CHECK(refused(with_token_file(files.write("a\nHost: evil"))).contains("visible ASCII"));
  CHECK(refused(with_token_file(files.write(std::string(5000, 'a')))).contains("4096"));
  CHECK(refused(with_config(files.missing())).contains("cannot be read"));
  CHECK(refused(with_config(files.write("lisen: 1\n"))).contains(":1:1: error"));
  CHECK(refused(with_config(files.write(config_with(R"({bind: ""})")))).contains("admin.bind"));
  CHECK(refused(with_config(files.write(config_with(R"({bind: "127.0.0.1:0"})")))).contains("--admin"));
}

TEST_CASE("ctl: a token is never quoted in an error") {
  CHECK_FALSE(refused({}, environment({{"DROVER_ADMIN_TOKEN", "s3cret s3cret"}})).contains("s3cret"));
}
