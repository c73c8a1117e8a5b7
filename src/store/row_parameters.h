#pragma once
// The values of many rows as the parameters of one statement. Pure.

#include <deque>
#include <vector>

#include "flow/rows.h"
#include "store/dialect.h"
#include "store/statement.h"

namespace waybill::store {

/// Parts of rows by address.
using Tuples = std::vector<const std::vector<flow::Value>*>;

/// What SqlText's statements over many rows want bound: each value by address, row by row, or one array for
/// each column (Words::Rows). Points at the rows' values, which must outlive it.
class RowParameters {
 public:
  /// Row i is keys[i] followed by values[i], or keys[i] alone when `values` is empty. Not empty; all rows
  /// have the types of the first.
  RowParameters(const Words& words, const Tuples& keys, const Tuples& values = {});
  RowParameters(const RowParameters&) = delete;
  RowParameters& operator=(const RowParameters&) = delete;

  const Parameters& list() const { return list_; }

 private:
  void add_arrays(const Tuples& rows);

  std::deque<flow::Value> arrays_;
  Parameters list_;
};

}  // namespace waybill::store
