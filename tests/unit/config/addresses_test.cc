// Endpoints, networks, hosts and origins.
#include "config/addresses.h"

#include <doctest/doctest.h>

#include <string>

namespace drover::config {
namespace {

Endpoint endpoint(std::string_view text) {
  const auto parsed = parse_endpoint(text);
  REQUIRE_MESSAGE(parsed.has_value(), text);
  return *parsed;
}

}  // namespace

TEST_CASE("an endpoint is host:port") {
  CHECK(endpoint("127.0.0.1:80") == Endpoint{"127.0.0.1", 80, "127.0.0.1:80"});
  CHECK(endpoint(":8080") == Endpoint{"", 8080, ":8080"});
  CHECK(endpoint("[::1]:80") == Endpoint{"::1", 80, "[::1]:80"});
  CHECK(endpoint("web-2.chat_net:65535") == Endpoint{"web-2.chat_net", 65535, "web-2.chat_net:65535"});
  CHECK(endpoint("127.0.0.1:0").port == 0);
  for (const char* bad : {"",
                          ":",
                          "8080",
                          "localhost",
                          "127.0.0.1",
                          "127.0.0.1:",
                          "127.0.0.1:65536",
                          "127.0.0.1:080",
                          "127.0.0.1:+1",
                          "127.0.0.1:http",
                          "::1:80",
                          "::1",
                          "[::1]",
                          "[::1]80",
                          "[::1:80",
                          "[]:80",
                          "[127.0.0.1]:80",
                          "300.1.1.1:80",
                          "1.2.3:80",
                          "a..b:80",
                          "-a:80",
                          "a b:80",
                          "*:80",
                          "a/b:80",
                          "http://127.0.0.1:80",
                          "grün:80"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_endpoint(bad).has_value());
  }
  CHECK_FALSE(parse_endpoint(std::string(64, 'a') + ":80").has_value());
  CHECK(parse_endpoint("ws://a:80").error().detail ==
        "'ws://a:80' is a URL; expected 'host:port', without scheme and path");
  CHECK(parse_endpoint("::1:80").error().detail.find("in brackets") != std::string::npos);
}

TEST_CASE("a nameserver is a numeric address, on port 53 if none is given") {
  CHECK(parse_nameserver("10.0.0.2") == Endpoint{"10.0.0.2", 53, "10.0.0.2"});
  CHECK(parse_nameserver("127.0.0.1:8600") == Endpoint{"127.0.0.1", 8600, "127.0.0.1:8600"});
  CHECK(parse_nameserver("2001:db8::2") == Endpoint{"2001:db8::2", 53, "2001:db8::2"});
  CHECK(parse_nameserver("[2001:db8::2]") == Endpoint{"2001:db8::2", 53, "[2001:db8::2]"});
  CHECK(parse_nameserver("[::1]:65535") == Endpoint{"::1", 65'535, "[::1]:65535"});
  for (const char* bad : {"", ":53", "[]:53", "localhost", "ns.example.com:53", "10.0.0", "10.0.0.256", "[10.0.0.2]:53",
                          "[::1", "[::1]53", "fe80::1%eth0", "10.0.0.2/32", "udp://10.0.0.2", "10.0.0.2 10.0.0.3"})
    CHECK(parse_nameserver(bad).error().detail ==
          "expected the address of a DNS server, such as '10.0.0.2', '127.0.0.1:8600' or '[::1]:53', got '" +
              std::string(bad) + "'");
  for (const char* bad : {"10.0.0.2:", "10.0.0.2:65536", "[::1]:053", "10.0.0.2:dns"})
    CHECK(parse_nameserver(bad).error().detail.starts_with("expected a port from 0 to 65535, got '"));
  CHECK(parse_nameserver("10.0.0.2:0").error().detail == "'10.0.0.2:0' has port 0");
}

TEST_CASE("a network clears the bits behind its prefix") {
  const auto ten = parse_network("10.1.2.3/8");
  REQUIRE(ten.has_value());
  CHECK_FALSE(ten->ipv6);
  CHECK(ten->prefix_bits == 8);
  CHECK(ten->bytes[0] == 10);
  CHECK(ten->bytes[1] == 0);
  CHECK(ten->text == "10.1.2.3/8");
  CHECK(has_host_bits(*ten));
  CHECK_FALSE(has_host_bits(*parse_network("10.0.0.0/8")));
  CHECK(parse_network("192.168.1.1")->prefix_bits == 32);
  CHECK(parse_network("192.168.1.129/25")->bytes[3] == 128);

  const auto six = parse_network("2001:db8:ffff::/33");
  REQUIRE(six.has_value());
  CHECK(six->ipv6);
  CHECK(six->prefix_bits == 33);
  CHECK(six->bytes[4] == 0x80);
  CHECK(six->bytes[5] == 0);
  CHECK(parse_network("::1")->prefix_bits == 128);
  CHECK(parse_network("::/0")->prefix_bits == 0);
  for (const char* bad :
       {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0/8", "::/129", "host/8", "[::1]/128", "/8"})
    CHECK_FALSE(parse_network(bad).has_value());
}

TEST_CASE("a route's host is lower case and without port") {
  CHECK(parse_host("Chat.Example.COM:8443") == "chat.example.com");
  CHECK(parse_host("chat.example.com.") == "chat.example.com");
  CHECK(parse_host("10.0.0.1") == "10.0.0.1");
  CHECK(parse_host("[2001:DB8::0:1]:80") == "[2001:db8::1]");
  for (const char* bad : {"", ".", "*.example.com", "a b", "a/b", "::1", "a:b", "a:99999", "https://a"})
    CHECK_FALSE(parse_host(bad).has_value());
}

TEST_CASE("a server name is a name or an address, alone") {
  const std::string longest =
      std::string(63, 'a') + '.' + std::string(63, 'b') + '.' + std::string(63, 'c') + '.' + std::string(61, 'd');
  CHECK(parse_server_name("Chat-1.Example.com") == "chat-1.example.com");
  CHECK(parse_server_name("web_2.") == "web_2");
  CHECK(parse_server_name(longest) == longest);
  CHECK(parse_server_name(longest + ".") == longest);
  CHECK(parse_server_name("10.0.1.10") == "10.0.1.10");
  CHECK(parse_server_name("2001:DB8:0::1") == "2001:db8::1");
  const std::string too_long = longest + "d";
  for (const std::string_view bad : {"", ".", "a b", "chat.example.com:443", "10.0.1.10:443", "[::1]", "[::1]:443",
                                     "10.0.1.256", "10.0.1.10.", "fe80::1%eth0", "a..b", "*.example.com", "chat/ws",
                                     "https://chat.example.com", "\xC3\xBC.example.com", too_long.c_str()}) {
    CAPTURE(bad);
    const auto name = parse_server_name(bad);
    CHECK_FALSE(name.has_value());
    if (!name)
      CHECK(name.error().detail.starts_with(
          "expected a host name such as 'chat.example.com' or an address such as '10.0.1.10' or '::1', without scheme, "
          "port and brackets, got '"));
  }
}

TEST_CASE("an origin is what a browser sends") {
  CHECK(parse_origin("https://Chat.Example.com") == "https://chat.example.com");
  CHECK(parse_origin("HTTPS://*.example.com:8443") == "https://*.example.com:8443");
  CHECK(parse_origin("https://a.example:443") == "https://a.example");
  CHECK(parse_origin("http://a.example:80") == "http://a.example");
  CHECK(parse_origin("http://a.example:443") == "http://a.example:443");
  CHECK(parse_origin("http://[::1]:3000") == "http://[::1]:3000");
  CHECK(parse_origin("null") == "null");
  for (const char* bad :
       {"", "*", "chat.example.com", "https://", "https://a/", "https://a/b", "https://a.*.b", "https://*", "://a",
        "1x://a", "https://a b", "https://a:x", "https://u@a", "https://*.[::1]"})
    CHECK_FALSE(parse_origin(bad).has_value());
}

TEST_CASE("two spellings of one endpoint are the same") {
  CHECK(canonical(endpoint("Web-1:80")) == canonical(endpoint("web-1:80")));
  CHECK(canonical(endpoint("[2001:db8::0:1]:80")) == canonical(endpoint("[2001:DB8::1]:80")));
  CHECK(canonical(endpoint("a:80")) != canonical(endpoint("a:81")));
}

TEST_CASE("listening twice on one port overlaps where one address covers the other") {
  const auto overlaps = [](std::string_view a, std::string_view b) {
    CHECK(overlap(endpoint(a), endpoint(b)) == overlap(endpoint(b), endpoint(a)));
    return overlap(endpoint(a), endpoint(b));
  };
  CHECK(overlaps(":80", ":80"));
  CHECK(overlaps(":80", "127.0.0.1:80"));
  CHECK(overlaps(":80", "[::1]:80"));
  CHECK(overlaps("0.0.0.0:80", "10.0.0.1:80"));
  CHECK(overlaps("[::]:80", "[::1]:80"));
  CHECK_FALSE(overlaps("[::]:80", "0.0.0.0:80"));
  CHECK_FALSE(overlaps("127.0.0.1:80", "127.0.0.2:80"));
  CHECK_FALSE(overlaps(":80", ":81"));
  CHECK_FALSE(overlaps("127.0.0.1:0", "127.0.0.1:0"));
}

TEST_CASE("loopback is known by its address or by localhost") {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[0:0::1]:1", "LocalHost:1"})
    CHECK(is_loopback(endpoint(text)));
  for (const char* text : {":1", "0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.example.com:1"})
    CHECK_FALSE(is_loopback(endpoint(text)));
}

}  // namespace drover::config
