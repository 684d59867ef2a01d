// spdlog with one bounded queue and thread a log. spdlog's own queue drops the oldest line when full.
#include "base/log.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "base/log_output.h"

namespace drover::log {

namespace {

using Writing = LossReport::Writing;

constexpr std::size_t kQueuedLines = 8192;
// How often a writer looks whether its queue was full. Once it was, at least a queue of lines is yet to be written.
constexpr std::size_t kLookEvery = 1024;
constexpr std::chrono::milliseconds kCloseWait{1000};

// Held by a writer's thread while it has something to tell, since it may still do so when close() stops waiting for it;
// close() holds it to take the logs away.
std::mutex& telling() {
  static std::mutex instance;
  return instance;
}

std::string_view name_of(Log log) {
  return log == Log::kAccess ? "access" : "operational";
}

// A line a write, by the one thread of its Writer.
class DescriptorSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  // `queue` outlives the thread that uses this.
  DescriptorSink(Log log, std::unique_ptr<Output> output, spdlog::details::thread_pool& queue)
      : log_(log), output_(std::move(output)), queue_(queue) {}

  // Any thread.
  void want_reopen() { reopen_wanted_.store(true, std::memory_order_relaxed); }
  void redirect(std::unique_ptr<Output> output) {
    delete next_.exchange(output.release(), std::memory_order_acq_rel);  // one that nobody has come to use
  }
  void note_lost(int error_number) {
    const auto loss = static_cast<std::size_t>(loss_of(error_number));
    failed_[loss].fetch_add(1, std::memory_order_relaxed);
    errors_[loss].store(error_number, std::memory_order_relaxed);
  }
  Losses lost() const {
    Losses lost{};
    for (std::size_t i = 0; i < kLosses; ++i) lost[i] = failed_[i].load(std::memory_order_relaxed);
    lost[static_cast<std::size_t>(Loss::kQueueFull)] += queue_.overrun_counter();
    return lost;
  }
  ~DescriptorSink() override { delete next_.load(std::memory_order_relaxed); }
  DescriptorSink(const DescriptorSink&) = delete;
  DescriptorSink& operator=(const DescriptorSink&) = delete;

  // With telling() held. Whether all has been told now.
  bool tell_losses(Writing writing);

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    flush_();
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const int error = output_->write({line.data(), line.size()});
    if (error != 0) note_lost(error);
    if (error != 0 || ++lines_ % kLookEvery == 0) untold_ = true;
    if (untold_) look_at_losses(error == 0 ? Writing::kWorks : Writing::kFails);
  }
  // Between two lines, so none is torn.
  void flush_() override {
    if (next_.load(std::memory_order_relaxed) != nullptr) {
      output_.reset(next_.exchange(nullptr, std::memory_order_acq_rel));
    }
    if (reopen_wanted_.load(std::memory_order_relaxed) && reopen_wanted_.exchange(false)) reopen();
  }
  void reopen();
  void look_at_losses(Writing writing) {
    const std::lock_guard lock(telling());
    untold_ = !tell_losses(writing);
  }

  const Log log_;
  std::unique_ptr<Output> output_;
  std::atomic<Output*> next_{nullptr};  // owned
  spdlog::details::thread_pool& queue_;
  std::array<std::atomic<std::uint64_t>, kLosses> failed_{};
  std::array<std::atomic<int>, kLosses> errors_{};  // the last errno of each
  std::atomic<bool> reopen_wanted_{false};
  LossReport report_{log_ == Log::kOperational ? LossReport::ToldIn::kItself : LossReport::ToldIn::kAnotherLog};
  std::size_t lines_ = 0;
  bool untold_ = false;  // there may be something to tell
};

bool DescriptorSink::tell_losses(Writing writing) {
  const Losses all = lost();
  const Losses untold = report_.due(all, writing, monotonic_now());
  for (std::size_t i = 0; i < kLosses; ++i) {
    if (untold[i] == 0) continue;
    const int error = errors_[i].load(std::memory_order_relaxed);
    warn("log_lines_dropped",
         {{"count", untold[i]},
          {"log", name_of(log_)},
          {"reason", name_of(static_cast<Loss>(i))},
          {"detail", error == 0 ? "lines came faster than they were taken" : std::strerror(error)}});
  }
  return all == report_.told();
}

void DescriptorSink::reopen() {
  const auto reopened = output_->reopen();
  const std::lock_guard lock(telling());
  if (reopened) return info("logs_reopened", {{"path", output_->path()}});
  error("logs_reopen_failed",
        {{"path", output_->path()},
         {"reason", reopened.error().detail},
         {"hint", "the old file is still written to; make the path writable, then send SIGUSR1"}});
}

// A logger with its own queue, so that a blocked access log does not take the operational log's lines with it.
class Writer {
 public:
  Writer(Log log, std::unique_ptr<Output> output, const char* pattern)
      : has_file_(!output->path().empty()),
        pool_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)),
        sink_(std::make_shared<DescriptorSink>(log, std::move(output), *pool_)),
        logger_(std::make_shared<spdlog::async_logger>("drover", sink_, pool_,
                                                       spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_level(spdlog::level::trace);
    logger_->set_pattern(pattern, spdlog::pattern_time_type::utc);
    // What spdlog itself can fail in is memory.
    logger_->set_error_handler([sink = sink_.get()](const std::string&) { sink->note_lost(ENOMEM); });
  }

  // The pool writes out its queue and ends its thread, and only then its logger and descriptor go.
  ~Writer() { pool_.reset(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(std::string_view line) {
    logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }
  // With the next line at the latest, should the queue be too full to be told.
  void reopen() {
    sink_->want_reopen();
    logger_->flush();
  }
  // Lines that wait go there as well; should the queue be too full to be told, from the next line on.
  void redirect(std::unique_ptr<Output> output) {
    has_file_ = !output->path().empty();
    sink_->redirect(std::move(output));
    logger_->flush();
  }
  bool has_file() const { return has_file_; }
  Losses lost() const { return sink_->lost(); }
  void tell_losses(Writing writing) { sink_->tell_losses(writing); }

 private:
  bool has_file_;  // the supervisor's
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<DescriptorSink> sink_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

// Set by open() before the workers start, cleared by close() after they ended. A writer of the access log that is off
// by now stays: workers may still be writing to it.
struct Logs {
  std::unique_ptr<Writer> operational;
  std::unique_ptr<Writer> access_writer;
  std::atomic<Writer*> access{nullptr};  // null: off
  std::atomic<Format> format{Format::kJson};
  std::atomic<Level> level{Level::kInfo};
  std::string access_target = "off";  // the supervisor's
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

class Change {
 public:
  Level level = Level::kInfo;
  Format format = Format::kJson;
  std::string access_target;
  // What the access log's writer writes to, stdout where it is off; null: as before.
  std::unique_ptr<Output> output;
  std::unique_ptr<Writer> writer;  // the first one; null: there is none, or there is one already
};

void DropChange::operator()(Change* change) const noexcept {
  delete change;
}

Result<PreparedChange> prepare(const Settings& settings) {
  PreparedChange change(new Change);
  change->level = settings.level;
  change->format = settings.format;
  change->access_target = settings.access;
  const bool is_off = settings.access == "off";
  const bool has_writer = logs().access_writer != nullptr;
  if (settings.access == logs().access_target || (is_off && !has_writer)) return change;
  auto output = Output::open(is_off ? "stdout" : settings.access);
  if (!output) return std::unexpected(output.error());
  if (has_writer) {
    change->output = *std::move(output);
  } else {
    change->writer = std::make_unique<Writer>(Log::kAccess, *std::move(output), "%v");
  }
  return change;
}

void apply(PreparedChange change) {
  logs().level = change->level;
  logs().format = change->format;
  if (change->writer) logs().access_writer = std::move(change->writer);
  if (change->output) logs().access_writer->redirect(std::move(change->output));
  logs().access = change->access_target == "off" ? nullptr : logs().access_writer.get();
  logs().access_target = std::move(change->access_target);
}

Result<void> open(const Settings& settings) {
  auto operational = Output::open("stderr");
  if (!operational) return std::unexpected(operational.error());
  auto change = prepare(settings);
  if (!change) return std::unexpected(change.error());
  apply(*std::move(change));
  logs().operational = std::make_unique<Writer>(Log::kOperational, *std::move(operational), "%Y-%m-%dT%H:%M:%S.%eZ %v");
  return {};
}

void close() {
  const auto deadline = std::chrono::steady_clock::now() + kCloseWait;
  std::unique_lock lock(telling());
  for (const auto& writer : {std::cref(logs().access_writer), std::cref(logs().operational)}) {
    if (writer.get()) writer.get()->tell_losses(Writing::kEnds);
  }
  logs().access = nullptr;
  logs().access_target = "off";
  const auto access = write_out(std::move(logs().access_writer));
  const auto operational = write_out(std::move(logs().operational));
  lock.unlock();
  access.wait_until(deadline);
  operational.wait_until(deadline);
}

void reopen() {
  Writer* const access = logs().access;
  if (access == nullptr || !access->has_file()) {
    return info("nothing_to_reopen", {{"reason", "log.access is not a file"}});
  }
  access->reopen();
}

bool enabled(Level level) {
  return level >= logs().level.load(std::memory_order_relaxed);
}

std::uint64_t dropped_lines(Log log, Loss loss) {
  const auto& writer = log == Log::kAccess ? logs().access_writer : logs().operational;
  return writer ? writer->lost()[static_cast<std::size_t>(loss)] : 0;
}

std::uint64_t dropped_lines() {
  std::uint64_t lines = 0;
  for (const Log log : {Log::kOperational, Log::kAccess}) {
    for (const Loss loss : {Loss::kQueueFull, Loss::kNoSpace, Loss::kWriteFailed}) lines += dropped_lines(log, loss);
  }
  return lines;
}

void append_field(std::string& out, std::string_view key, std::string_view value) {
  out.append(" ").append(key).append("=");
  if (is_plain(value)) {
    out.append(value);
  } else {
    append_quoted(out, value);
  }
}

std::string fields_text(std::initializer_list<Field> fields) {
  std::string text;
  for (const auto& field : fields) append_field(text, field.key, field.value);
  return text;
}

void event(Level level, std::string_view name, std::initializer_list<Field> fields) {
  if (!enabled(level) || !logs().operational) return;
  std::string line(name_of(level));
  line.append(" ").append(name).append(fields_text(fields));
  logs().operational->write(line);
}

bool access_enabled() {
  return logs().access.load(std::memory_order_relaxed) != nullptr;
}

Format access_format() {
  return logs().format.load(std::memory_order_relaxed);
}

void access(std::string_view line) {
  if (Writer* const writer = logs().access.load(std::memory_order_acquire); writer != nullptr) writer->write(line);
}

}  // namespace drover::log
