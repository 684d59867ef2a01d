// A request or response head as it was received, with views of its parts. Nothing is decoded, folded or
// re-ordered: what Drover forwards is what the peer wrote, byte for byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/header_name.h"

namespace drover::http {

// Positions in Head's own buffer: they outlive its growth, which views would not.
struct Slice {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

struct Header {
  std::string_view name;   // as written; compare with same_name()
  std::string_view value;  // without the white space around it
};

// ASCII case-insensitive, RFC 9110 section 5.1.
bool same_name(std::string_view a, std::string_view b);

// Without the spaces and tabs around it (OWS, RFC 9110 section 5.6.3).
std::string_view trimmed(std::string_view text);

// Takes the first element of a comma-separated list off the front of `rest` (RFC 9110 section 5.6.1): without the
// white space around it, empty elements skipped; empty once there is none left.
std::string_view next_element(std::string_view& rest);

// The header lines that requests and responses share. Filled by the parsers of head_parser.h.
class HeaderList {
 public:
  std::size_t size() const { return lines_.size(); }
  Header at(std::size_t index) const { return {view(lines_[index].name), view(lines_[index].value)}; }
  // What that line's name is to Drover.
  NameClass class_at(std::size_t index) const { return lines_[index].name_class; }
  // Of the whole head, as received.
  std::size_t bytes() const { return raw_.size(); }

  // The first line of that name, which is not HeaderName::kOther here and below; none if there is none.
  std::optional<std::string_view> find(HeaderName name) const;
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t count(HeaderName name) const;
  std::size_t count(std::string_view name) const;
  // Whether some line of that name has `token` in its comma-separated list (ASCII case-insensitive).
  bool has_token(HeaderName name, std::string_view token) const;

 protected:
  friend class HeadParser;
  struct Line {
    Slice name;
    Slice value;
    NameClass name_class;
  };
  std::string_view view(Slice slice) const { return {raw_.data() + slice.offset, slice.length}; }

  std::string raw_;  // the bytes of the head as received
  std::vector<Line> lines_;
};

class RequestHead : public HeaderList {
 public:
  std::string_view method() const { return view(method_); }
  std::string_view target() const { return view(target_); }  // as written
  // The part of an origin or absolute target before '?', starting with '/'; and what stands behind '?' (without it).
  std::string_view path() const;
  std::string_view query() const;
  // The Host header's value: exactly one is there once the parser has accepted the head.
  std::string_view host() const;
  unsigned minor_version() const { return minor_version_; }  // of HTTP/1.x

 private:
  friend class HeadParser;
  friend class RequestParser;
  Slice method_;
  Slice target_;
  unsigned minor_version_ = 1;
};

class ResponseHead : public HeaderList {
 public:
  unsigned status() const { return status_; }
  std::string_view reason() const { return view(reason_); }

 private:
  friend class HeadParser;
  friend class ResponseParser;
  Slice reason_;
  unsigned status_ = 0;
};

}  // namespace drover::http
