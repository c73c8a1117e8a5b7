// What every valid report fulfils, whoever made it.

#include <algorithm>

#include "tally/report_codec.h"

namespace waybill::tally {
namespace {

constexpr int64_t kMinuteMs = 60'000;

/// Finds the first fault; `where()` names the item that was checked last.
class Checker {
 public:
  explicit Checker(const Report& report) : report_(report) {
    refs_.reserve(report.clients.size());
    for (const ClientInfo& client : report.clients) refs_.push_back(client.ref);
    std::sort(refs_.begin(), refs_.end());
  }

  /// Null when all is well, else a literal that says what is wrong.
  const char* fault() {
    if (const char* what = header()) return what;
    if (const char* what = each("entry", report_.entries, &Checker::entry)) return what;
    if (const char* what = each("coverage", report_.coverage, &Checker::coverage)) return what;
    if (const char* what = each("position", report_.positions, &Checker::position)) return what;
    return each("rate", report_.rates, &Checker::rate);
  }
  std::string where() const {
    return item_ == nullptr ? std::string("report") : std::string(item_) + " " + std::to_string(index_);
  }

 private:
  template <class Item>
  const char* each(const char* name, const std::vector<Item>& items,
                   const char* (Checker::*check)(const Item&) const) {
    item_ = name;
    for (index_ = 0; index_ < items.size(); ++index_) {
      if (const char* what = (this->*check)(items[index_])) return what;
    }
    return nullptr;
  }

  const char* header() const {
    if (report_.version == 0) return "no version";
    if (report_.reporter == Id128{}) return "no reporter id";
    if (report_.number.value == 0) return "number 0; numbers count from 1";
    if (report_.bucket_ms < 1) return "a bucket width below 1 ms";
    if (report_.audit_partitions < 0) return "a negative count of audit partitions";
    if (std::adjacent_find(refs_.begin(), refs_.end()) != refs_.end()) return "two clients with one ref";
    return nullptr;
  }

  const char* common(uint32_t client, const std::string& topic) const {
    if (!std::binary_search(refs_.begin(), refs_.end(), client))
      return "a client that the report does not carry";
    if (topic.empty()) return "no topic name";
    if (topic.size() > kTopicBytesMax) return "a topic name above 1000 bytes";
    return nullptr;
  }

  const char* label(const BucketLabel& label) const {
    if (label.kind == BucketKind::kNormal) {
      return label.start.value % report_.bucket_ms == 0 ? nullptr
                                                        : "a bucket start between two multiples of the width";
    }
    return label.start.value == 0 ? nullptr : "a start of a bucket that has none";
  }

  const char* entry(const Entry& entry) const {
    if (const char* what = common(entry.client, entry.topic)) return what;
    if (const char* what = label(entry.bucket.label)) return what;
    for (const auto& [code, count] : entry.bucket.failed) {
      if (count == 0) return "0 failed sends of a code";
    }
    return nullptr;
  }

  static const char* runs(const std::vector<OffsetRange>& list) {
    int64_t previous_end = -1;  // the first run may begin at 0
    for (const OffsetRange& run : list) {
      if (run.begin.value <= previous_end) return "runs that are unsorted, overlap, touch or begin below 0";
      if (run.empty()) return "an empty range of offsets";
      previous_end = run.end.value;
    }
    return nullptr;
  }

  const char* coverage(const CoverageChunk& chunk) const {
    if (const char* what = common(chunk.client, chunk.topic)) return what;
    if (const char* what = label(chunk.label)) return what;
    if (chunk.partition.value < 0) return "a negative partition";
    if (const char* what = runs(chunk.seen)) return what;
    if (const char* what = runs(chunk.reordered)) return what;
    auto inside = chunk.seen.begin();
    for (const OffsetRange& range : chunk.reordered) {
      while (inside != chunk.seen.end() && inside->end <= range.begin) ++inside;
      if (inside == chunk.seen.end() || range.begin < inside->begin || range.end > inside->end) {
        return "reordered offsets that were not seen";
      }
    }
    int64_t previous_end = 0;
    auto seen = chunk.seen.begin();
    for (const Repeat& repeat : chunk.again) {
      if (repeat.range.begin.value < previous_end)
        return "repeats that are unsorted, overlap or begin below 0";
      if (repeat.range.empty()) return "an empty range of offsets";
      if (repeat.times == 0) return "a repeat of 0 times";
      previous_end = repeat.range.end.value;
      while (seen != chunk.seen.end() && seen->end <= repeat.range.begin) ++seen;
      if (seen == chunk.seen.end() || repeat.range.begin < seen->begin || repeat.range.end > seen->end) {
        return "a repeat of offsets that were not seen";
      }
    }
    return nullptr;
  }

  const char* position(const Position& position) const {
    if (const char* what = common(position.client, position.topic)) return what;
    if (position.partition.value < 0) return "a negative partition";
    for (Offset offset : {position.session_first, position.next, position.high, position.committed}) {
      if (offset.value < -1) return "a position below -1";
    }
    return nullptr;
  }

  const char* rate(const Rate& rate) const {
    if (const char* what = common(rate.client, rate.topic)) return what;
    return rate.minute_ms % kMinuteMs == 0 ? nullptr : "a minute that is no multiple of 60,000 ms";
  }

  const Report& report_;
  std::vector<uint32_t> refs_;  // ascending
  const char* item_ = nullptr;
  size_t index_ = 0;
};

}  // namespace

Result<void> check_report(const Report& report) {
  if (report.version > kReportVersion) {
    return fail(Errc::kUnsupported, "report version " + std::to_string(report.version) +
                                        "; this build reads up to version " + std::to_string(kReportVersion));
  }
  Checker checker(report);
  if (const char* what = checker.fault()) return fail(Errc::kCorrupt, checker.where() + ": " + what);
  return {};
}

}  // namespace waybill::tally
