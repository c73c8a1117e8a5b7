#pragma once
// Reading audit rows for the API: columns by name, all pages of a query, which cluster a topic is in, why it
// is incomplete.

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/query.h"
#include "flow/store.h"

namespace waybill::audit {

/// The states of a finding in the order of DESIGN 4.2; columns of the count tables and values of
/// audit_finding.state.
inline constexpr std::string_view kStates[] = {
    "pending", "suspected", "lost", "late", "redelivered", "unconfirmed", "excused", "accepted", "replayed"};

/// One row with its columns by name. Keys by name only where rows are not grouped. Views the row.
class RowView {
 public:
  RowView(const flow::TableSpec& table, const flow::Page::Row& row) : table_(table), row_(row) {}
  /// An int64 column of this table (asserted).
  int64_t number(std::string_view column) const { return std::get<int64_t>(at(column)); }
  const std::string& text(std::string_view column) const { return std::get<std::string>(at(column)); }

 private:
  const flow::Value& at(std::string_view column) const;
  const flow::TableSpec& table_;
  const flow::Page::Row& row_;
};

/// Messages by state, in the order of kStates.
struct StateCounts {
  std::array<int64_t, std::size(kStates)> counts{};
  void add(const RowView& row) {
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += row.number(kStates[i]);
  }
  void add(const StateCounts& other) {
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  }
  int64_t of(std::string_view state) const {
    for (size_t i = 0; i < counts.size(); ++i) {
      if (kStates[i] == state) return counts[i];
    }
    return 0;
  }
};

/// Hands every row to `take`, page by page. kLimit beyond `most` rows.
Result<void> each_row(flow::Store& store, flow::Query query, int64_t most,
                      const std::function<void(const RowView& row)>& take);

/// "cluster = ..." and the like.
flow::Filter equals(std::string_view column, flow::Value value);

/// The cluster that a topic of the API is in: the parameter `cluster`, or the only one that has this name.
/// kNotFound when there is none, kConflict listing the clusters when there are several. Cost: one or two rows
/// per cluster, however many topics there are.
Result<std::string> find_cluster(flow::Store& store, std::string_view topic, const Params& params);

/// Times for which audit data of a topic is missing.
struct MissingTime {
  std::string reason;
  int64_t from_ms = 0;
  int64_t to_ms = 0;  ///< inclusive; INT64_MAX while it goes on
};

/// What is missing of one topic, and of every topic of its cluster.
class Holes {
 public:
  static Result<Holes> of(flow::Store& store, std::string_view cluster, std::string_view topic);
  /// No hole touches [from_ms, to_ms).
  bool complete(int64_t from_ms, int64_t to_ms) const;
  bool complete() const { return holes_.empty(); }

 private:
  std::vector<MissingTime> holes_;
};

}  // namespace waybill::audit
