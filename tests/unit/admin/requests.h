// Heads for the tests of this folder, through the real parser.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "http/head_parser.h"

namespace drover::admin {

class Request {
 public:
  // "GET /health", and header lines with their CRLF.
  explicit Request(std::string_view line, std::string_view headers = "Host: localhost:9900\r\n") : parser_({}) {
    const auto fed = parser_.feed(as_bytes(std::string(line) + " HTTP/1.1\r\n" + std::string(headers) + "\r\n"));
    REQUIRE(fed.has_value());
    REQUIRE(fed->complete);
  }
  const http::RequestHead& head() const { return parser_.head(); }

 private:
  http::RequestParser parser_;
};

}  // namespace drover::admin
