#include "cli/logger.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "base/utf8.h"
#include "http/json.h"

namespace waybill::cli {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// Remembers when a message was last written.
class Repeats {
 public:
  /// Nothing when the message must not be written now; else how often it was suppressed since it was written
  /// last.
  std::optional<int64_t> pass(const std::string& message, int64_t now_ms) {
    std::lock_guard lock(mutex_);
    auto it = seen_.find(message);
    if (it == seen_.end()) {
      if (seen_.size() == kLogMessagesMax) {
        seen_.erase(*order_.front());
        order_.pop_front();
      }
      it = seen_.emplace(message, Entry{now_ms, 0}).first;
      order_.push_back(&it->first);
      return 0;
    }
    Entry& entry = it->second;
    if (now_ms - entry.written_ms < kLogRepeatMs) {
      ++entry.suppressed;
      return std::nullopt;
    }
    entry.written_ms = now_ms;
    return std::exchange(entry.suppressed, 0);
  }

 private:
  struct Entry {
    int64_t written_ms;
    int64_t suppressed;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> seen_;
  std::list<const std::string*> order_;  ///< by first appearance
};

}  // namespace

std::string one_line(std::string_view message) {
  std::string out;
  for (char c : to_utf8(message)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

bool wants_colour(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return isatty(fd) && !(no_color && *no_color) && term && std::string_view(term) != "dumb";
}

LogFn rate_limited(LogFn log, const Clock& clock) {
  // Shared because LogFn is copied freely.
  auto repeats = std::make_shared<Repeats>();
  return [log = std::move(log), repeats, &clock](LogLevel level, std::string_view message) {
    if (level == LogLevel::kDebug) return log(level, message);
    std::string key(message);
    std::optional<int64_t> suppressed = repeats->pass(key, clock.now().steady_ms);
    if (!suppressed) return;
    if (*suppressed > 0) key += fmt::format(" (and {} times since it was last said)", *suppressed);
    log(level, key);
  };
}

LogFn make_log(const LogConfig& config, const Clock& clock) {
  spdlog::sink_ptr sink;
  if (config.format == LogConfig::Format::kText && wants_colour(STDERR_FILENO)) {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  auto logger = std::make_shared<spdlog::logger>("waybill", std::move(sink));
  logger->set_level(level_of(config.level));
  logger->flush_on(spdlog::level::debug);
  bool json = config.format == LogConfig::Format::kJson;
  logger->set_pattern(
      json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v",
      spdlog::pattern_time_type::utc);
  return rate_limited(
      [logger, json](LogLevel level, std::string_view message) {
        std::string text = json ? "\"message\":" + http::json_string(to_utf8(message)) : one_line(message);
        logger->log(level_of(level), spdlog::string_view_t(text.data(), text.size()));
      },
      clock);
}

}  // namespace waybill::cli
