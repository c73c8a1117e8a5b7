#include "watch/open_windows.h"

#include <charconv>

#include "base/utf8.h"
#include "watch/tables.h"
#include "watch/watch_task.h"

namespace waybill::watch {
namespace {

constexpr std::string_view kFloorSegment = "floor";

/// A whole number up to `end`; moves `at` behind that.
bool number(std::string_view bytes, size_t& at, char end, int64_t& out) {
  auto [stop, error] = std::from_chars(bytes.data() + at, bytes.data() + bytes.size(), out);
  at = static_cast<size_t>(stop - bytes.data());
  if (error != std::errc() || at >= bytes.size() || bytes[at] != end) return false;
  ++at;
  return true;
}

}  // namespace

OpenWindows::Open* OpenWindows::open(const std::string& watch, int64_t window_ms) {
  if (window_ms < floor_ms_) return nullptr;
  Key key{window_ms, watch};
  auto at = open_.find(key);
  if (at != open_.end()) return &at->second;
  while (open_.size() >= kOpenWindowsMax) {
    Key oldest = open_.begin()->first;
    floor_ms_ = oldest.first + 1;
    floor_changed_ = true;
    dropped_.push_back(std::move(oldest));
    open_.erase(open_.begin());
  }
  return window_ms < floor_ms_ ? nullptr : &open_[std::move(key)];
}

bool OpenWindows::take_sample(const std::string& watch, int64_t window_ms, int64_t most) {
  if (most == 0) return false;
  Open* at = open(watch, window_ms);
  if (!at || at->samples >= most) return false;
  ++at->samples;
  return at->changed = true;
}

std::string OpenWindows::group(const std::string& watch, int64_t window_ms, std::string_view value) {
  std::string name = to_utf8(value.substr(0, kGroupBytesMax));
  Open* at = open(watch, window_ms);
  if (!at) return std::string(kOtherGroup);
  if (at->groups.contains(name)) return name;
  if (at->groups.size() >= kGroupsMax) return std::string(kOtherGroup);
  at->groups.insert(name);
  at->changed = true;
  return name;
}

std::string OpenWindows::name_of(const Key& key) { return std::to_string(key.first) + "/" + key.second; }

void OpenWindows::flush(std::vector<flow::SegmentChange>& segments) {
  using Op = flow::SegmentChange::Op;
  for (const auto& key : dropped_) segments.push_back({Op::kDrop, name_of(key), {}});
  dropped_.clear();
  if (floor_changed_)
    segments.push_back({Op::kReplace, std::string(kFloorSegment), std::to_string(floor_ms_) + "\n"});
  floor_changed_ = false;
  for (auto& [key, open] : open_) {
    if (!open.changed) continue;
    open.changed = false;
    std::string bytes = std::to_string(open.samples) + "\n";
    for (const auto& group : open.groups) bytes += std::to_string(group.size()) + ":" + group;
    segments.push_back({Op::kReplace, name_of(key), std::move(bytes)});
  }
}

Result<void> OpenWindows::restore(const flow::SegmentReader& segments) {
  for (const auto& name : segments.names()) {
    auto bytes = segments.read(name);
    if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
    size_t at = 0;
    if (name == kFloorSegment) {
      if (!number(*bytes, at, '\n', floor_ms_)) return fail(Errc::kCorrupt, "watch state: segment " + name);
      continue;
    }
    size_t slash = 0;
    int64_t window = 0, size = 0;
    Open open;
    if (!number(name, slash, '/', window) || !number(*bytes, at, '\n', open.samples)) {
      return fail(Errc::kCorrupt, "watch state: segment " + name);
    }
    while (at < bytes->size()) {
      bool fine =
          number(*bytes, at, ':', size) && size >= 0 && static_cast<size_t>(size) <= bytes->size() - at;
      if (!fine) return fail(Errc::kCorrupt, "watch state: segment " + name);
      open.groups.emplace(bytes->substr(at, static_cast<size_t>(size)));
      at += static_cast<size_t>(size);
    }
    open_.emplace(Key{window, name.substr(slash)}, std::move(open));
  }
  return {};
}

}  // namespace waybill::watch
