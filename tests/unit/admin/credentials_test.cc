// Which Authorization headers grant what.
#include "admin/credentials.h"

#include <doctest/doctest.h>

#include <string>

#include "requests.h"

namespace drover::admin {

namespace {

const Tokens kTokens{.all = "s3cret:with colon", .load = "reports"};

Grant grant(std::string_view authorization, const Tokens& tokens = kTokens) {
  const std::string line = "Authorization: " + std::string(authorization) + "\r\n";
  return grant_of(Asked("GET /", "Host: localhost\r\n" + line).head(), tokens);
}

}  // namespace

TEST_CASE("the token opens everything, as bearer or as anybody's password") {
  for (const char* shown : {"Bearer s3cret:with colon", "bearer s3cret:with colon", "BEARER   s3cret:with colon",
                            "Basic OnMzY3JldDp3aXRoIGNvbG9u",             // ":…"
                            "basic YWRtaW46czNjcmV0OndpdGggY29sb24="}) {  // "admin:…"
    CAPTURE(shown);
    CHECK(grant(shown) == Grant::kEverything);
  }
}

TEST_CASE("the load token is told apart") {
  CHECK(grant("Bearer reports") == Grant::kLoad);
  CHECK(grant("Basic eDpyZXBvcnRz") == Grant::kLoad);  // "x:reports"
  CHECK(grant("Bearer reports", {.all = "reports", .load = "reports"}) == Grant::kEverything);
}

TEST_CASE("nothing else grants anything") {
  CHECK(grant_of(Asked("GET /").head(), kTokens) == Grant::kNothing);
  for (const char* shown : {"",
                            "Bearer",
                            "Bearer ",
                            "Basic",
                            "s3cret:with colon",
                            "Token s3cret:with colon",
                            "Bearer\ts3cret:with colon",
                            "Bearer wrong",
                            "Bearer s3cret:with colo",
                            "Bearer s3cret:with colonX",
                            "Bearer S3CRET:WITH COLON",
                            "Bearer reportsreports",
                            "Bearer \"reports\"",
                            "Bearer reports, Bearer reports",
                            "Bearer eDpyZXBvcnRz",
                            "Basic reports",
                            "Basic x:reports",
                            "Basic cmVwb3J0cw==",  // "reports": no colon
                            "Basic eDpyZXBvcnRz=",
                            "Basic eDpyZXBvcnRzA",
                            "Basic eDpyZXBvcn Rz",
                            "Basic eDpyZXBvcn-z",
                            "Basic ====",
                            "Basic =",
                            "Basic eDpyZXBv====",
                            "Basic eDpyZXBvcnRzOg=="}) {  // "x:reports:"
    CAPTURE(shown);
    CHECK(grant(shown) == Grant::kNothing);
  }
  const std::string twice = "Authorization: Bearer reports\r\n";
  CHECK(grant_of(Asked("GET /", "Host: localhost\r\n" + twice + twice).head(), kTokens) == Grant::kNothing);
}

TEST_CASE("an empty token is none, not one that anybody can show") {
  for (const char* shown : {"Bearer", "Bearer x", "Basic eDo="}) {  // "x:"
    CHECK(grant(shown, {}) == Grant::kNothing);
    CHECK(grant(shown, {.all = "s3cret", .load = ""}) == Grant::kNothing);
  }
}

}  // namespace drover::admin
