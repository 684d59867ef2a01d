// Which Hosts and Origins the admin server talks to.
#include "admin/access.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "requests.h"

namespace drover::admin {

TEST_CASE("localhost and addresses are our own, with any port or none") {
  for (const char* authority :
       {"localhost", "LOCALHOST", "localhost:1", "localhost:9900", "127.0.0.1", "127.0.0.1:9900", "127.8.9.10:1",
        "[::1]", "[::1]:9900", "10.0.0.7", "10.0.0.7:80", "[2001:db8::1]", "[2001:db8::1]:443", "[::ffff:10.0.0.1]"}) {
    CAPTURE(authority);
    CHECK(is_own_authority(authority, {}));
  }
}

TEST_CASE("names are not, whatever they look like") {
  for (const char* authority : {"",
                                ":9900",
                                "evil.example",
                                "evil.example:9900",
                                "localhost.evil.example",
                                "evillocalhost",
                                "127.0.0.1.nip.io",
                                "127.0.0.1.evil.example:9900",
                                "127.1",
                                "2130706433",
                                "0x7f.0.0.1",
                                "0177.0.0.1",
                                "[localhost]",
                                "[127.0.0.1]",
                                "[::1",
                                "::1",
                                "[]",
                                "[::1%25lo]",
                                "user@127.0.0.1",
                                "127.0.0.1:port",
                                "127.0.0.1, localhost"}) {
    CAPTURE(authority);
    CHECK(!is_own_authority(authority, {}));
  }
}

TEST_CASE("Host decides") {
  CHECK(check_access(Asked("GET /health", "Host: localhost\r\n").head(), {}));
  const auto refused = check_access(Asked("GET /health", "Host: evil.example\r\n").head(), {});
  REQUIRE(!refused);
  CHECK(refused.error().code == Code::kForbidden);
  CHECK(refused.error().side == Side::kClient);
}

TEST_CASE("so does every Origin") {
  const std::string host = "Host: localhost\r\n";
  for (const char* origin : {"http://localhost:9900", "http://127.0.0.1", "https://[::1]:9900", "HTTP://LocalHost"}) {
    CAPTURE(origin);
    CHECK(check_access(Asked("GET /health", host + "Origin: " + origin + "\r\n").head(), {}));
  }
  for (const char* origin :
       {"http://evil.example", "null", "", "localhost", "http://", "https://localhost.evil.example",
        "http://localhost/path", "http://localhost@evil.example"}) {
    CAPTURE(origin);
    CHECK(!check_access(Asked("GET /health", host + "Origin: " + origin + "\r\n").head(), {}));
  }
  CHECK(!check_access(Asked("GET /health", host + "Origin: http://localhost\r\nORIGIN: http://evil.example\r\n").head(),
                      {}));
}

TEST_CASE("an address as Origin is our own where the request goes to it, or on this machine") {
  const auto access = [](const std::string& host, const std::string& origin) {
    return check_access(Asked("POST /api/v1/shutdown", "Host: " + host + "\r\nOrigin: " + origin + "\r\n").head(), {});
  };
  CHECK(access("10.1.2.3:9900", "http://10.1.2.3:9900"));
  CHECK(access("[fd00::1]:9900", "https://[fd00:0::1]"));
  CHECK(access("10.1.2.3:9900", "http://[::1]:3000"));
  CHECK(!access("127.0.0.1:9900", "http://203.0.113.5"));
  CHECK(!access("localhost:9900", "http://[2001:db8::5]:9900"));
  CHECK(!access("10.1.2.3:9900", "http://10.1.2.4:9900"));
}

TEST_CASE("names from the configuration are our own too, for Host and Origin") {
  const std::vector<std::string> hosts = {"drover.example", "ops"};
  for (const char* authority : {"drover.example", "DROVER.Example:9900", "ops:1", "localhost", "127.0.0.1"}) {
    CAPTURE(authority);
    CHECK(is_own_authority(authority, hosts));
  }
  for (const char* authority : {"evil.example", "x.drover.example", "drover.example.evil", "[ops]", "ops:port", ""}) {
    CAPTURE(authority);
    CHECK(!is_own_authority(authority, hosts));
  }
  const std::string host = "Host: ops:9900\r\n";
  CHECK(check_access(Asked("GET /health", host + "Origin: https://drover.example\r\n").head(), hosts));
  CHECK(!check_access(Asked("GET /health", host + "Origin: https://evil.example\r\n").head(), hosts));
}

}  // namespace drover::admin
