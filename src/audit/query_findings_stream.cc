#include "audit/query_findings_stream.h"

#include <algorithm>
#include <utility>

#include "audit/query_rows.h"
#include "audit/tables.h"

namespace waybill::audit {
namespace {

ShownFinding shown_finding(const RowView& row) {
  ShownFinding finding{.group = row.text("grp"),
                       .first = row.number("first_offset"),
                       .last = row.number("last_offset"),
                       .state = row.text("state"),
                       .reason = row.text("reason"),
                       .bucket_start = {},
                       .verified_ms = row.number("verified_ms"),
                       .lost_ms = row.number("lost_ms"),
                       .decision = row.text("decision"),
                       .to_partition = row.number("to_partition"),
                       .to_offset = row.number("to_offset")};
  if (row.number("bucket_kind") == 0) finding.bucket_start = row.number("bucket_start");
  return finding;
}

bool joins(const ShownFinding& a, const ShownFinding& b) {
  bool moved_alike = a.decision.empty() ||
                     (a.to_partition == b.to_partition &&
                      (a.to_offset < 0 ? b.to_offset < 0 : a.to_offset + (b.first - a.first) == b.to_offset));
  return a.last + 1 == b.first && a.state == b.state && a.reason == b.reason &&
         a.bucket_start == b.bucket_start && a.decision == b.decision && moved_alike;
}

}  // namespace

FindingStream::FindingStream(flow::Store& store, const FindingFilter& filter, int64_t incarnation,
                             int64_t partition, std::string group, int64_t from_offset,
                             std::map<std::string, int64_t> shown)
    : store_(store), group_(std::move(group)), shown_(std::move(shown)) {
  query_.table = &finding_table();
  query_.limit = kPageRows;
  query_.where = {equals("cluster", filter.cluster),
                  equals("topic", filter.topic),
                  equals("incarnation", incarnation),
                  equals("part", partition),
                  equals("grp", group_),
                  {"first_offset", flow::Filter::Op::kGe, from_offset}};
  if (!filter.state.empty()) query_.where.push_back(equals("state", filter.state));
  if (filter.range) {
    query_.where.push_back(equals("bucket_kind", int64_t{0}));
    query_.where.push_back({"bucket_start", flow::Filter::Op::kGe, filter.range->from_ms});
    query_.where.push_back({"bucket_start", flow::Filter::Op::kLt, filter.range->to_ms});
  }
}

Result<void> FindingStream::read_page() {
  auto page = store_.query(query_);
  if (!page) return tl::unexpected(std::move(page.error()));
  for (const auto& row : page->rows) add(shown_finding(RowView(finding_table(), row)));
  more_ = page->next.has_value();
  if (more_) query_.cursor = std::move(*page->next);
  return {};
}

void FindingStream::add(ShownFinding finding) {
  close_below(finding.first);
  if (auto it = shown_.find(finding.state); it != shown_.end() && finding.first <= it->second) return;
  auto [it, fresh] = open_.try_emplace(finding.state, finding);
  if (fresh) return;
  if (joins(it->second, finding)) {
    it->second.last = finding.last;
    it->second.verified_ms = std::max(it->second.verified_ms, finding.verified_ms);
    it->second.lost_ms = std::min(it->second.lost_ms, finding.lost_ms);
    return;
  }
  ShownFinding done = std::exchange(it->second, std::move(finding));
  closed_.try_emplace({done.first, done.state}, std::move(done));
}

/// Rows come by ascending offset: what ends before `offset` - 1 grows no more.
void FindingStream::close_below(int64_t offset) {
  for (auto it = open_.begin(); it != open_.end();) {
    if (it->second.last + 1 >= offset) {
      ++it;
      continue;
    }
    ShownFinding& done = it->second;
    const std::pair key(done.first, done.state);
    closed_.try_emplace(key, std::move(done));
    it = open_.erase(it);
  }
}

bool FindingStream::first_is_closed() const {
  if (closed_.empty()) return false;
  const auto& first = closed_.begin()->first;
  for (const auto& [state, finding] : open_) {
    if (std::pair(finding.first, state) < first) return false;
  }
  return true;
}

Result<const ShownFinding*> FindingStream::peek() {
  while (!first_is_closed()) {
    if (!more_) {
      if (open_.empty() && closed_.empty()) return nullptr;
      close_below(INT64_MAX);
      continue;
    }
    if (auto read = read_page(); !read) return tl::unexpected(std::move(read.error()));
  }
  return &closed_.begin()->second;
}

void FindingStream::pop() { closed_.erase(closed_.begin()); }

}  // namespace waybill::audit
