// Heads are cut into lines here, since the checks of strictness.h and the limits need the lines anyway; a whole head
// then has to pass llhttp too. Two parsers that must agree on every head leave little room for smuggling. llhttp is
// handed nothing but the head, so no byte behind it can be eaten.
#include "http/head_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "http/strictness.h"

namespace drover::http {
namespace {

// RFC 9112 section 2.2: at least one empty line before a request is to be ignored.
constexpr unsigned kLeadingEmptyLines = 1;
// A backend that sends interim answers without end is broken; each is bounded by the head's own limits.
constexpr unsigned kMaxInterim = 16;
constexpr unsigned kSwitchingProtocols = 101;
constexpr unsigned kNoContent = 204;
constexpr unsigned kNotModified = 304;

// llhttp stops where the head ends and where the body ends, and is asked for the position.
const llhttp_settings_t* llhttp_settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_headers_complete = [](llhttp_t*) noexcept -> int { return HPE_PAUSED; };
    made.on_message_complete = [](llhttp_t*) noexcept -> int { return HPE_PAUSED; };
    // `data` is where the payload goes, and null for whom it does not matter.
    made.on_body = [](llhttp_t* parser, const char* at, std::size_t length) noexcept -> int {
      if (parser->data != nullptr) static_cast<std::string*>(parser->data)->append(at, length);
      return HPE_OK;
    };
    return made;
  }();
  return &kSettings;
}

// llhttp's opinion of a head that is whole.
Result<void> judge(llhttp_t& llhttp, llhttp_type_t type, std::string_view head) {
  llhttp_init(&llhttp, type, llhttp_settings());
  const auto verdict = llhttp_execute(&llhttp, head.data(), head.size());
  if (verdict == HPE_PAUSED && llhttp_get_error_pos(&llhttp) == head.data() + head.size()) return {};
  const char* reason = llhttp_get_error_reason(&llhttp);
  return fail(Code::kBadRequest, Side::kClient, std::string("malformed head: ") + (reason ? reason : "unknown reason"));
}

Error blame_backend(const Error& error) {
  return {Code::kBadGateway, Side::kBackend, error.detail};
}

}  // namespace

// What both parsers share: collecting bytes up to the limits, cutting them into lines, filling a HeaderList.
// Every verdict falls on a whole line or on a condition that more bytes cannot heal, so it is the same however the
// input is cut.
class HeadParser {
 public:
  HeadParser(const HeadParser&) = delete;
  HeadParser& operator=(const HeadParser&) = delete;
  virtual ~HeadParser() = default;

  Result<Fed> take(Bytes input);

 protected:
  HeadParser(HeaderList& head, const HeadLimits& limits, unsigned leading_empty_lines)
      : list_(head), limits_(limits), empty_lines_left_(leading_empty_lines) {}

  const HeadLimits& limits() const { return limits_; }
  std::string_view raw() const { return list_.raw_; }
  Slice slice_of(std::string_view part) const {
    return {static_cast<std::uint32_t>(part.data() - list_.raw_.data()), static_cast<std::uint32_t>(part.size())};
  }
  // Forgets the head and starts with the next.
  void restart();

 private:
  // Of a start line without its LF, whole or not yet.
  virtual Result<void> check_start(std::string_view so_far) const = 0;
  virtual Result<void> take_start(std::string_view line) = 0;

  Result<void> take_line(std::string_view line);
  Result<void> take_header(std::string_view line);
  Result<void> check_rest() const;

  HeaderList& list_;
  const HeadLimits limits_;
  std::size_t line_start_ = 0;
  std::size_t scanned_ = 0;  // no LF between line_start_ and here
  unsigned empty_lines_left_;
  bool has_start_line_ = false;
  bool complete_ = false;
};

Result<Fed> HeadParser::take(Bytes input) {
  auto& raw = list_.raw_;
  const auto before = raw.size();
  raw.append(as_text(input.first(std::min(input.size(), limits_.max_head_size - before))));
  while (!complete_) {
    const auto end = raw.find('\n', scanned_);
    if (end == std::string::npos) break;
    if (auto taken = take_line(std::string_view(raw).substr(line_start_, end - line_start_)); !taken)
      return std::unexpected(std::move(taken.error()));
    line_start_ = scanned_ = end + 1;
  }
  if (complete_) {
    raw.resize(line_start_);
    return Fed{true, line_start_ - before};
  }
  scanned_ = raw.size();
  if (auto rest = check_rest(); !rest) return std::unexpected(std::move(rest.error()));
  return Fed{false, input.size()};
}

// `line` is whole, but for its LF.
Result<void> HeadParser::take_line(std::string_view line) {
  const bool empty = line == "\r";
  if (!has_start_line_) {
    if (empty && empty_lines_left_ > 0) {
      --empty_lines_left_;
      return {};
    }
    if (auto start = check_start(line); !start) return start;
  }
  if (!line.ends_with('\r')) return fail(Code::kBadRequest, Side::kClient, "a line ends with LF instead of CRLF");
  line.remove_suffix(1);
  if (has_control(line)) return fail(Code::kBadRequest, Side::kClient, "a line holds a control character");
  if (!has_start_line_) {
    has_start_line_ = true;
    return take_start(line);
  }
  complete_ = empty;
  return empty ? Result<void>() : take_header(line);
}

Result<void> HeadParser::take_header(std::string_view line) {
  auto& lines = list_.lines_;
  if (lines.size() == limits_.max_headers)
    return fail(Code::kHeadTooLarge, Side::kClient, "over " + std::to_string(limits_.max_headers) + " header lines");
  const auto header = read_header_line(line, lines.size() + 1);
  if (!header) return std::unexpected(header.error());
  if (lines.empty()) lines.reserve(std::min<std::size_t>(limits_.max_headers, 24));
  lines.emplace_back(slice_of(header->name), slice_of(header->value), classify(header->name));
  return {};
}

// What stands behind the last whole line, and whether there is room for more.
Result<void> HeadParser::check_rest() const {
  const auto rest = raw().substr(line_start_);
  const bool may_be_empty_line = rest == "\r" && empty_lines_left_ > 0;
  if (!has_start_line_ && !may_be_empty_line) {
    if (auto start = check_start(rest); !start) return start;
  }
  if (raw().size() < limits_.max_head_size) return {};
  return fail(Code::kHeadTooLarge, Side::kClient,
              "the head is over " + std::to_string(limits_.max_head_size) + " bytes");
}

void HeadParser::restart() {
  list_.raw_.clear();
  list_.lines_.clear();
  line_start_ = scanned_ = 0;
  has_start_line_ = complete_ = false;
}

class RequestParser::Impl final : public HeadParser {
 public:
  explicit Impl(const HeadLimits& limits) : HeadParser(head_, limits, kLeadingEmptyLines) {}

  Result<Fed> feed(Bytes input) {
    auto fed = take(input);
    if (!fed || !fed->complete) return fed;
    if (auto whole = check_whole(); !whole) return std::unexpected(std::move(whole.error()));
    return fed;
  }
  bool started() const { return raw().find_first_not_of("\r\n") != std::string_view::npos; }
  const RequestHead& head() const { return head_; }

 private:
  Result<void> check_start(std::string_view so_far) const override {
    return check_request_line_start(so_far, limits().max_target);
  }

  Result<void> take_start(std::string_view line) override {
    const auto read = read_request_line(line);
    if (!read) return std::unexpected(read.error());
    head_.method_ = slice_of(read->method);
    head_.target_ = slice_of(read->target);
    head_.minor_version_ = read->minor_version;
    return {};
  }

  Result<void> check_whole() const {
    if (auto addressing = check_addressing(head_); !addressing) return addressing;
    if (const auto framing = read_framing(head_, head_.minor_version()); !framing)
      return std::unexpected(framing.error());
    llhttp_t llhttp;
    return judge(llhttp, HTTP_REQUEST, raw());
  }

  RequestHead head_;
};

RequestParser::RequestParser(const HeadLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;
Result<Fed> RequestParser::feed(Bytes input) {
  return impl_->feed(input);
}
bool RequestParser::started() const {
  return impl_->started();
}
const RequestHead& RequestParser::head() const {
  return impl_->head();
}

class ResponseParser::Impl final : public HeadParser {
 public:
  explicit Impl(const HeadLimits& limits) : HeadParser(head_, limits, 0) {}

  Result<Fed> feed(Bytes input);
  // A null `payload`: only where the body ends.
  Result<Fed> feed_body(Bytes input, std::string* payload);
  bool body_is_empty() const;
  bool finish() const { return state_ == State::kWhole || (state_ == State::kBody && lasts_until_close()); }
  const ResponseHead& head() const { return head_; }

 private:
  enum class State : std::uint8_t { kHead, kBody, kWhole };

  Result<void> check_start(std::string_view so_far) const override { return check_status_line_start(so_far); }

  Result<void> take_start(std::string_view line) override {
    const auto read = read_status_line(line);
    if (!read) return std::unexpected(read.error());
    head_.status_ = read->status;
    head_.reason_ = slice_of(read->reason);
    minor_version_ = read->minor_version;
    return {};
  }

  Result<void> check_whole();
  bool lasts_until_close() const { return framing_.framing == Framing::kNone && !body_is_empty(); }

  ResponseHead head_;
  llhttp_t llhttp_{};
  BodyFraming framing_;
  unsigned minor_version_ = 1;
  unsigned interim_ = 0;
  State state_ = State::kHead;
};

Result<Fed> ResponseParser::Impl::feed(Bytes input) {
  std::size_t consumed = 0;
  while (true) {
    const auto fed = take(input.subspan(consumed));
    if (!fed) return std::unexpected(blame_backend(fed.error()));
    consumed += fed->consumed;
    if (!fed->complete) return Fed{false, consumed};
    if (const auto whole = check_whole(); !whole) return std::unexpected(blame_backend(whole.error()));
    const bool interim = head_.status() < 200 && head_.status() != kSwitchingProtocols;
    if (!interim) break;
    if (++interim_ > kMaxInterim) return fail(Code::kBadGateway, Side::kBackend, "interim answers (1xx) without end");
    restart();
  }
  state_ = body_is_empty() ? State::kWhole : State::kBody;
  return Fed{true, consumed};
}

Result<void> ResponseParser::Impl::check_whole() {
  const auto framing = read_framing(head_, minor_version_);
  if (!framing) return std::unexpected(framing.error());
  framing_ = *framing;
  // RFC 9112 section 6.1: never in an answer that has no body. (A Content-Length there is real, as ASP.NET's 0 on a
  // 101, and means nothing.)
  if (framing_.framing == Framing::kChunked && (head_.status() < 200 || head_.status() == kNoContent))
    return fail(Code::kBadRequest, Side::kClient, "there is a Transfer-Encoding on a status without a body");
  if (auto verdict = judge(llhttp_, HTTP_RESPONSE, raw()); !verdict) return verdict;
  llhttp_resume(&llhttp_);
  return {};
}

bool ResponseParser::Impl::body_is_empty() const {
  // RFC 9110 sections 6.4.1 and 15.3.5, RFC 9112 section 6.3: whatever the headers say.
  const auto status = head_.status();
  if (status < 200 || status == kNoContent || status == kNotModified) return true;
  return framing_.framing == Framing::kLength && framing_.length == 0;
}

Result<Fed> ResponseParser::Impl::feed_body(Bytes input, std::string* payload) {
  if (state_ == State::kWhole) return Fed{true, 0};
  const auto text = as_text(input);
  llhttp_.data = payload;
  const auto verdict = llhttp_execute(&llhttp_, text.data(), text.size());
  if (verdict == HPE_OK) return Fed{false, input.size()};
  if (verdict == HPE_PAUSED) {
    state_ = State::kWhole;
    return Fed{true, static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - text.data())};
  }
  return fail(Code::kBadGateway, Side::kBackend, std::string("broken body: ") + llhttp_get_error_reason(&llhttp_));
}

ResponseParser::ResponseParser(const HeadLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
ResponseParser::~ResponseParser() = default;
Result<Fed> ResponseParser::feed(Bytes input) {
  return impl_->feed(input);
}
const ResponseHead& ResponseParser::head() const {
  return impl_->head();
}
Result<Fed> ResponseParser::feed_body(Bytes input) {
  return impl_->feed_body(input, nullptr);
}
Result<Fed> ResponseParser::feed_body(Bytes input, std::string& payload) {
  return impl_->feed_body(input, &payload);
}
bool ResponseParser::body_is_empty() const {
  return impl_->body_is_empty();
}
bool ResponseParser::finish() {
  return impl_->finish();
}

}  // namespace drover::http
