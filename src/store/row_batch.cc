#include "store/row_batch.h"

#include "base/assert.h"
#include "store/merge.h"
#include "store/storable.h"

namespace waybill::store {
namespace {

bool fits(const flow::Value& value, flow::ColumnType type) {
  switch (type) {
    case flow::ColumnType::kText:
      return std::holds_alternative<std::string>(value);
    case flow::ColumnType::kInt64:
      return std::holds_alternative<int64_t>(value);
    case flow::ColumnType::kDouble:
      return std::holds_alternative<double>(value);
  }
  return false;
}

bool fits(const flow::RowChange& change) {
  const flow::TableSpec& table = *change.table;
  const bool prefix = change.op == flow::RowChange::Op::kErasePrefix;
  const bool upsert = change.op == flow::RowChange::Op::kUpsert;
  if (prefix ? change.key.size() >= table.keys.size() : change.key.size() != table.keys.size()) return false;
  if (change.values.size() != (upsert ? table.values.size() : 0)) return false;
  for (size_t i = 0; i < change.key.size(); ++i) {
    if (!fits(change.key[i], table.keys[i].type)) return false;
  }
  for (size_t i = 0; i < change.values.size(); ++i) {
    if (!fits(change.values[i], table.values[i].type)) return false;
  }
  return true;
}

}  // namespace

void RowBatch::add(const flow::RowChange& given) {
  ASSERT(given.table != nullptr && fits(given));
  const flow::RowChange& change = is_storable(given) ? given : replaced_.emplace_back(to_storable(given));
  auto [it, fresh] = by_table_.try_emplace(change.table, tables_.size());
  if (fresh) {
    tables_.push_back({change.table, {Stage{}}});
    indexes_.emplace_back();
  }
  Table& table = tables_[it->second];
  Index& index = indexes_[it->second];
  switch (change.op) {
    case flow::RowChange::Op::kUpsert:
      return upsert(table.stages.back(), index, change);
    case flow::RowChange::Op::kErase:
      return erase(table.stages.back(), index, change);
    case flow::RowChange::Op::kErasePrefix:
      if (!table.stages.back().upserts.empty()) {  // what was written before must be there to be erased
        table.stages.emplace_back();
        index = Index{};
      }
      table.stages.back().prefixes.push_back(&change.key);
      return;
  }
}

void RowBatch::upsert(Stage& stage, Index& index, const flow::RowChange& change) {
  auto [it, fresh] = index.upserts.try_emplace(KeyRef{&change.key}, stage.upserts.size());
  if (fresh) {
    stage.upserts.push_back({&change, {}});
    return;
  }
  PendingUpsert& pending = stage.upserts[it->second];
  if (pending.merged.empty()) pending.merged = pending.change->values;
  merge_row(*change.table, pending.merged, change.values);
}

void RowBatch::erase(Stage& stage, Index& index, const flow::RowChange& change) {
  if (auto it = index.upserts.find(KeyRef{&change.key}); it != index.upserts.end()) {
    stage.upserts[it->second].erased = true;
    index.upserts.erase(it);
  }
  if (index.erases.try_emplace(KeyRef{&change.key}, 0).second) stage.erases.push_back(&change.key);
}

}  // namespace waybill::store
