#include "store/merge.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/assert.h"

namespace waybill::store {
namespace {

int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

void add(flow::Value& old, const flow::Value& added) {
  if (auto* whole = std::get_if<int64_t>(&old)) {
    *whole = saturating_add(*whole, std::get<int64_t>(added));
  } else {
    std::get<double>(old) += std::get<double>(added);
  }
}

}  // namespace

void merge_value(const flow::TableSpec& table, const flow::ValueColumn& column, flow::Value& old,
                 const flow::Value& added) {
  ASSERT(old.index() == added.index());
  switch (column.merge) {
    case flow::Merge::kSum:
      add(old, added);
      return;
    case flow::Merge::kMin:
      old = std::min(old, added);
      return;
    case flow::Merge::kMax:
      old = std::max(old, added);
      return;
    case flow::Merge::kLast:
      old = added;
      return;
    case flow::Merge::kSketch:
      ASSERT(table.merge_sketch != nullptr);
      old = table.merge_sketch(std::get<std::string>(old), std::get<std::string>(added));
      return;
  }
}

void merge_row(const flow::TableSpec& table, std::vector<flow::Value>& old,
               const std::vector<flow::Value>& added) {
  ASSERT(old.size() == table.values.size() && added.size() == table.values.size());
  for (size_t i = 0; i < old.size(); ++i) merge_value(table, table.values[i], old[i], added[i]);
}

}  // namespace waybill::store
