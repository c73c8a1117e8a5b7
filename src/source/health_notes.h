#pragma once
// What is wrong right now, by subject, so that one topic's recovery does not hide another's failure.

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace waybill::source {

/// Thread-safe. At most kSubjectsMax subjects; further ones are folded into "others".
class HealthNotes {
 public:
  static constexpr size_t kSubjectsMax = 100;

  /// True when the subject was fine before or the text is new, so that the caller logs it once.
  bool set(std::string_view subject, std::string_view text);
  /// True when the subject was degraded.
  bool clear(std::string_view subject);
  bool degraded() const;
  bool has(std::string_view subject) const;
  /// All texts joined by "; ".
  std::string detail() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> notes_;
};

}  // namespace waybill::source
