#pragma once
// The merges of flow::Merge over values in memory. Pure.

#include <vector>

#include "flow/rows.h"

namespace waybill::store {

/// Joins `added` into `old` as the table's merge of this column says. Sums of int64 stop at the ends of their
/// range.
void merge_value(const flow::TableSpec& table, const flow::ValueColumn& column, flow::Value& old,
                 const flow::Value& added);

/// All value columns of a row.
void merge_row(const flow::TableSpec& table, std::vector<flow::Value>& old,
               const std::vector<flow::Value>& added);

}  // namespace waybill::store
