// Requests and answers for the tests of this folder: heads through the real parser.
#pragma once

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admin/endpoints.h"
#include "base/bytes.h"
#include "http/head_parser.h"

namespace drover::admin {

class Asked {
 public:
  // "GET /health", and header lines with their CRLF.
  explicit Asked(std::string_view line, std::string_view headers = "Host: localhost:9900\r\n") : parser_({}) {
    const auto fed = parser_.feed(as_bytes(std::string(line) + " HTTP/1.1\r\n" + std::string(headers) + "\r\n"));
    REQUIRE(fed.has_value());
    REQUIRE(fed->complete);
  }
  const http::RequestHead& head() const { return parser_.head(); }

 private:
  http::RequestParser parser_;
};

struct Answer {
  explicit Answer(const std::string& text) {
    const auto end = text.find("\r\n\r\n");
    REQUIRE(end != std::string::npos);
    head = text.substr(0, end + 2);
    body = text.substr(end + 4);
    status = std::stoi(text.substr(9, 3));
  }
  bool has(std::string_view line) const { return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos; }
  nlohmann::ordered_json json() const { return nlohmann::ordered_json::parse(body); }
  std::string head, body;
  int status = 0;
};

constexpr MonotonicTime kNow{Milliseconds(1'000'000)};

// As from 10.0.0.7:80.
inline Answer ask(Endpoints& endpoints, const Asked& asked, std::string_view body = "", MonotonicTime now = kNow) {
  const auto peer = *net::Address::from_literal("10.0.0.7", 80);
  std::vector<std::string> responses;
  endpoints.answer({.head = asked.head(), .body = body, .peer = peer, .now = now},
                   [&responses](const std::string& response) { responses.push_back(response); });
  REQUIRE(responses.size() == 1);
  return Answer(responses.front());
}

}  // namespace drover::admin
