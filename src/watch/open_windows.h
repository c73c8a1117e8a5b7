#pragma once
// What a Task remembers of recent windows, so that a restart goes on with the same samples and groups.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/task.h"

namespace waybill::watch {

class OpenWindows {
 public:
  /// Whether one more sample of this watch and window may be kept; if so it counts.
  bool take_sample(const std::string& watch, int64_t window_ms, int64_t most);
  /// The group under which a value counts: itself, cut to kGroupBytesMax, or kOtherGroup.
  std::string group(const std::string& watch, int64_t window_ms, std::string_view value);

  void flush(std::vector<flow::SegmentChange>& segments);
  Result<void> restore(const flow::SegmentReader& segments);

 private:
  struct Open {
    int64_t samples = 0;
    std::set<std::string, std::less<>> groups;
    bool changed = false;
  };
  using Key = std::pair<int64_t, std::string>;  ///< window, watch
  Open* open(const std::string& watch, int64_t window_ms);
  static std::string name_of(const Key& key);

  std::map<Key, Open> open_;
  std::vector<Key> dropped_;
  int64_t floor_ms_ = INT64_MIN;  ///< windows before take nothing
  bool floor_changed_ = false;
};

}  // namespace waybill::watch
