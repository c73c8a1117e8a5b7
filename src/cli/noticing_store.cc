#include "cli/noticing_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "audit/tables.h"

namespace waybill::cli {
namespace {

using flow::text;

constexpr int64_t kSayEveryMs = 60'000;

struct Words {
  std::string_view kind;  ///< of the counter, or the reason of an incomplete row
  std::string_view text;  ///< after "N times: "
};
constexpr Words kWords[] = {
    {"foreign_bytes", "a record in the audit topic that is no report was skipped"},
    {"corrupt", "a record in the audit topic that contradicts itself was skipped"},
    {"newer_version", "a report of a newer version was skipped; update this program"},
    {"wrong_partition_count", "a report that counted with another number of audit partitions was refused"},
    {"refused_bucket_width", "a report whose bucket width does not divide audit.bucket was refused"},
    {"reporter_overflow", "a report was refused because audit.caps.reporters is reached"},
    {"topic_overflow", "a topic was left out because audit.caps.topics is reached"},
    {"group_overflow", "a group was left out because audit.caps.groups is reached"},
    {"range_overflow", "a missing message was not listed because audit.caps.ranges is reached"},
    {"implausible_offset", "an offset far beyond the end of its log was refused"},
    {"broadcast", "a group whose readers each read everything is judged reader by reader from here on"},
    {"audit_gap", "reports were deleted before they were read; figures of that time are incomplete"},
};

const Words* words_of(std::string_view kind) {
  auto it =
      std::find_if(std::begin(kWords), std::end(kWords), [kind](const Words& w) { return w.kind == kind; });
  return it == std::end(kWords) ? nullptr : it;
}

struct Notice {
  size_t commit;
  std::string cluster;
  std::string kind;
  int64_t count;
  std::string detail;
};

void collect(size_t commit, const flow::Rows& rows, std::vector<Notice>& notices) {
  for (const flow::RowChange& row : rows) {
    if (row.op != flow::RowChange::Op::kUpsert) continue;
    if (row.table == &audit::counter_table() && row.key.size() == 3 && words_of(text(row.key[2]))) {
      notices.push_back({commit, text(row.key[0]), text(row.key[2]), flow::number(row.values.at(0)), {}});
    } else if (row.table == &audit::incomplete_table() && row.key.size() == 5 && words_of(text(row.key[3]))) {
      notices.push_back({commit, text(row.key[0]), text(row.key[3]), 0, text(row.values.at(1))});
    }
  }
}

}  // namespace

NoticingStore::NoticingStore(std::unique_ptr<flow::Store> inner, const Clock& clock, LogFn log)
    : PassingStore(*inner), owned_(std::move(inner)), clock_(clock), log_(std::move(log)) {}

Result<std::vector<flow::CommitResult>> NoticingStore::commit(std::span<const flow::TaskCommit> commits) {
  std::vector<Notice> notices;  // before the commit, because the store may take the rows
  for (size_t i = 0; i < commits.size(); ++i) {
    if (commits[i].changes) collect(i, commits[i].changes->rows, notices);
  }
  auto results = inner_.commit(commits);
  if (!results || notices.empty()) return results;
  std::lock_guard lock(mutex_);
  int64_t now_ms = clock_.now().steady_ms;
  std::vector<Key> touched;
  for (Notice& n : notices) {
    if (n.commit >= results->size() || (*results)[n.commit] != flow::CommitResult::kCommitted) continue;
    Kind& kind = kinds_[{n.cluster, n.kind}];
    kind.count += n.count;
    if (!n.detail.empty()) kind.detail = std::move(n.detail);
    touched.emplace_back(n.cluster, n.kind);
  }
  for (const Key& key : touched) say(key, kinds_[key], now_ms);
  return results;
}

void NoticingStore::say(const Key& key, Kind& kind, int64_t now_ms) {
  if (kind.count == 0 || (kind.said_ms != INT64_MIN && now_ms - kind.said_ms < kSayEveryMs)) return;
  kind.said_ms = now_ms;
  log_(LogLevel::kWarn,
       fmt::format("cluster {}: {} times: {}{}{}", key.first, kind.count, words_of(key.second)->text,
                   kind.detail.empty() ? "" : ": ", kind.detail));
  kind.count = 0;
  kind.detail.clear();
}

}  // namespace waybill::cli
