// Parameters behind a '?', and which of them are refused.
#include "admin/query.h"

#include <doctest/doctest.h>

#include <array>

namespace drover::admin {

namespace {

using Values = std::vector<std::string>;

constexpr std::array<std::string_view, 2> kNames = {"pool", "limit"};

std::string error_of(std::string_view query) {
  const auto read = read_query(query, kNames);
  REQUIRE(!read);
  CHECK(read.error().code == Code::kBadRequest);
  return read.error().detail;
}

}  // namespace

TEST_CASE("values come decoded and in the order of the names") {
  CHECK(read_query("", kNames).value() == Values{"", ""});
  CHECK(read_query("limit=10&pool=chat", kNames).value() == Values{"chat", "10"});
  CHECK(read_query("pool=&limit", kNames).value() == Values{"", ""});
  CHECK(read_query("&&limit=1&", kNames).value() == Values{"", "1"});
  CHECK(read_query("p%6Fol=a%26b%3D=c+d", kNames).value() == Values{"a&b==c+d", ""});
}

TEST_CASE("what cannot be meant is refused, says what can, and quotes no value") {
  CHECK(error_of("pools=x") == "the query has an unknown parameter; the parameters here are pool, limit");
  CHECK(error_of("POOL=x") == "the query has an unknown parameter; the parameters here are pool, limit");
  CHECK(error_of("=x") == "the query has an unknown parameter; the parameters here are pool, limit");
  CHECK(error_of("token=secret").find("secret") == std::string::npos);
  CHECK(error_of("pool=a&pool=a") == "the query has 'pool' twice; the parameters here are pool, limit");
  CHECK(error_of("pool=&p%6fol=") == "the query has 'pool' twice; the parameters here are pool, limit");
  for (const char* bad : {"pool=%", "pool=%4", "pool=%4g", "%=x", "limit=1&pool=x%zz"}) {
    CAPTURE(bad);
    CHECK(error_of(bad).starts_with("a '%' in the query has no two hexadecimal digits behind it; "));
  }
}

}  // namespace drover::admin
