// What consistent_hash goes by, source by source.
#include "proxy/hash_key.h"

#include <doctest/doctest.h>

#include <string>

#include "config/load.h"

namespace drover::proxy {

namespace {

using config::HashKey;
using Source = HashKey::Source;

struct Request {
  explicit Request(const std::string& target, const std::string& headers = "") : parser({}) {
    const std::string head = "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
    REQUIRE(parser.feed(as_bytes(head))->complete);
  }
  http::RequestParser parser;
};

const Snapshot& snapshot() {
  static balancer::Registry registry(1);
  static observe::Ledger ledger(1);
  static const auto kSnapshot = make_snapshot(
      *config::load_text("{listen: ':1', backends: ['127.0.0.1:1'], trusted_proxies: ['10.0.0.0/8']}", "test", {})
           .config,
      {}, registry, ledger, nullptr, nullptr);
  return *kSnapshot;
}

std::string key(const HashKey& wanted, const Request& request, const std::string& peer = "192.0.2.7") {
  return hash_key_of(wanted, request.parser.head(), *net::Address::from_literal(peer, 999), snapshot()).value_or("-");
}

HashKey named(Source source, std::string name) {
  return {.source = source, .name = std::move(name), .segment = 0};
}
HashKey segment(unsigned number) {
  return {.source = Source::kPath, .name = "", .segment = number};
}

}  // namespace

TEST_CASE("a header, in any case; the first of several") {
  const Request request("/", "X-Tenant: acme\r\nX-Tenant: other\r\nX-Empty:\r\n");
  CHECK(key(named(Source::kHeader, "x-tenant"), request) == "acme");
  CHECK(key(named(Source::kHeader, "X-Empty"), request) == "-");
  CHECK(key(named(Source::kHeader, "X-Missing"), request) == "-");
}

TEST_CASE("a cookie among others") {
  const Request request("/", "Cookie: a=1; sid=abc=d; b\r\nCookie: late=2;sid=no\r\n");
  CHECK(key(named(Source::kCookie, "sid"), request) == "abc=d");
  CHECK(key(named(Source::kCookie, "late"), request) == "2");
  CHECK(key(named(Source::kCookie, "b"), request) == "-");
  CHECK(key(named(Source::kCookie, "SID"), request) == "-");
  CHECK(key(named(Source::kCookie, "id"), request) == "-");
}

TEST_CASE("a query parameter, as written") {
  const Request request("/ws?x=1&room=a%20b&room=2&empty=&flag");
  CHECK(key(named(Source::kQuery, "room"), request) == "a%20b");
  CHECK(key(named(Source::kQuery, "x"), request) == "1");
  CHECK(key(named(Source::kQuery, "empty"), request) == "-");
  CHECK(key(named(Source::kQuery, "flag"), request) == "-");
  CHECK(key(named(Source::kQuery, "oom"), request) == "-");
  CHECK(key(named(Source::kQuery, "room"), Request("/ws")) == "-");
}

TEST_CASE("a segment of the path, from 1") {
  const Request request("/rooms/42//x?y=1");
  CHECK(key(segment(1), request) == "rooms");
  CHECK(key(segment(2), request) == "42");
  CHECK(key(segment(3), request) == "-");  // an empty one
  CHECK(key(segment(4), request) == "x");
  CHECK(key(segment(5), request) == "-");
  CHECK(key(segment(1), Request("/")) == "-");
}

TEST_CASE("the client's address: the peer's, or what trusted proxies say of it") {
  const HashKey client{.source = Source::kClientIp, .name = "", .segment = 0};
  const Request forwarded("/", "X-Forwarded-For: 203.0.113.9, 198.51.100.2\r\nX-Forwarded-For: 10.0.0.3\r\n");
  CHECK(key(client, Request("/")) == "192.0.2.7");
  CHECK(key(client, forwarded) == "192.0.2.7");                 // not trusted: anybody can write a header
  CHECK(key(client, forwarded, "10.0.0.2") == "198.51.100.2");  // the last that is no proxy of ours
  CHECK(key(client, Request("/", "X-Forwarded-For: 10.1.1.1\r\n"), "10.0.0.2") == "10.1.1.1");
  CHECK(key(client, Request("/", "X-Forwarded-For: 1.2.3.4, unknown, 10.0.0.9\r\n"), "10.0.0.2") == "10.0.0.9");
  CHECK(key(client, Request("/"), "10.0.0.2") == "10.0.0.2");
}

}  // namespace drover::proxy
