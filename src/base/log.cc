// spdlog with one bounded queue and thread a log. spdlog's own queue drops the oldest line when full. The lines go out
// with write(2): stdio tells nothing of a full disk, and at exit() waits for a full pipe once more.
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <thread>

namespace drover::log {

namespace {

constexpr std::size_t kQueuedLines = 8192;
constexpr std::chrono::milliseconds kCloseWait{1000};

// A line a write, by the one thread of its Writer.
class DescriptorSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {}
  ~DescriptorSink() override {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string_view rest(line.data(), line.size());
    while (!rest.empty()) {
      const ssize_t written = ::write(fd_, rest.data(), rest.size());
      if (written >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {  // whoever shares our stdout has made it non-blocking
        pollfd wait{.fd = fd_, .events = POLLOUT, .revents = 0};
        ::poll(&wait, 1, -1);
      } else if (errno != EINTR) {
        spdlog::throw_spdlog_ex("write", errno);  // the Writer's error handler counts it
      }
    }
  }
  void flush_() override {}

  const int fd_;
};

// A logger with its own queue, so that a blocked access log does not take the operational log's lines with it.
class Writer {
 public:
  explicit Writer(std::shared_ptr<spdlog::sinks::sink> sink, const char* pattern)
      : pool_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)),
        logger_(std::make_shared<spdlog::async_logger>("drover", std::move(sink), pool_,
                                                       spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_level(spdlog::level::trace);
    logger_->set_pattern(pattern, spdlog::pattern_time_type::utc);
    logger_->set_error_handler([this](const std::string&) { failed_.fetch_add(1, std::memory_order_relaxed); });
  }

  // The pool writes out its queue and ends its thread, and only then its logger and descriptor go.
  ~Writer() { pool_.reset(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(std::string_view line) {
    logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }
  std::uint64_t dropped() const { return pool_->overrun_counter() + failed_.load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;
  std::atomic<std::uint64_t> failed_{0};
};

// Set by open() before the workers start, cleared by close() after they ended.
struct Logs {
  std::unique_ptr<Writer> operational;
  std::unique_ptr<Writer> access;
  std::atomic<Level> level{Level::kInfo};
};
Logs& logs() {
  static Logs instance;
  return instance;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarn: return "warn";
    case Level::kError: return "error";
  }
  return "error";
}

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      out.append("\\x").push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 0xf]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

Result<std::shared_ptr<spdlog::sinks::sink>> sink_for(const std::string& target) {
  if (target == "stdout") return std::make_shared<DescriptorSink>(STDOUT_FILENO);
  if (target == "stderr") return std::make_shared<DescriptorSink>(STDERR_FILENO);
  const int fd = ::open(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd >= 0) return std::make_shared<DescriptorSink>(fd);
  return fail(Code::kConfiguration, Side::kDrover, "log.access: cannot open " + target + ": " + std::strerror(errno));
}

// Destroying a pool writes out its queue, which a full pipe could hold up for ever: hence a thread that may be left
// behind. The result is ready once all is written.
std::future<void> write_out(std::unique_ptr<Writer> writer) {
  std::promise<void> done;
  auto written = done.get_future();
  std::thread([held = std::move(writer), signal = std::move(done)]() mutable {
    held.reset();
    signal.set_value();
  }).detach();
  return written;
}

}  // namespace

Result<void> open(const Settings& settings) {
  logs().level = settings.level;
  auto operational = sink_for("stderr");
  if (!operational) return std::unexpected(operational.error());
  if (settings.access != "off") {
    auto access_sink = sink_for(settings.access);
    if (!access_sink) return std::unexpected(access_sink.error());
    logs().access = std::make_unique<Writer>(*access_sink, "%v");
  }
  logs().operational = std::make_unique<Writer>(*operational, "%Y-%m-%dT%H:%M:%S.%eZ %v");
  return {};
}

void close() {
  const auto deadline = std::chrono::steady_clock::now() + kCloseWait;
  const auto access = write_out(std::move(logs().access));
  const auto operational = write_out(std::move(logs().operational));
  access.wait_until(deadline);
  operational.wait_until(deadline);
}

bool enabled(Level level) {
  return level >= logs().level.load(std::memory_order_relaxed);
}

std::uint64_t dropped_lines() {
  std::uint64_t lines = 0;
  if (logs().operational) lines += logs().operational->dropped();
  if (logs().access) lines += logs().access->dropped();
  return lines;
}

std::string fields_text(std::initializer_list<Field> fields) {
  std::string text;
  for (const auto& field : fields) {
    text.append(" ").append(field.key).append("=");
    if (is_plain(field.value)) {
      text.append(field.value);
    } else {
      append_quoted(text, field.value);
    }
  }
  return text;
}

void event(Level level, std::string_view name, std::initializer_list<Field> fields) {
  if (!enabled(level) || !logs().operational) return;
  std::string line(name_of(level));
  line.append(" ").append(name).append(fields_text(fields));
  logs().operational->write(line);
}

bool access_enabled() {
  return logs().access != nullptr;
}

void access(std::string_view line) {
  if (logs().access) logs().access->write(line);
}

}  // namespace drover::log
