#pragma once
// Joins the row changes of one commit, so that each key of a table is written once. Pure.

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <vector>

#include "flow/rows.h"

namespace waybill::store {

/// A key by address; equal when the values are equal.
struct KeyRef {
  const std::vector<flow::Value>* key = nullptr;
  bool operator==(const KeyRef& other) const { return *key == *other.key; }
  template <class H>
  friend H AbslHashValue(H h, const KeyRef& k) {
    return H::combine(std::move(h), *k.key);
  }
};

/// A row to insert or merge. `merged` holds the values once several changes were joined.
struct PendingUpsert {
  const flow::RowChange* change = nullptr;
  std::vector<flow::Value> merged;
  bool erased = false;  ///< by a later erase of the same stage
  const std::vector<flow::Value>& values() const { return merged.empty() ? change->values : merged; }
};

/// Changes to one table, to be carried out in the order of the members.
struct Stage {
  std::vector<const std::vector<flow::Value>*> prefixes;  ///< erase every row whose key begins so
  std::vector<const std::vector<flow::Value>*> erases;    ///< distinct keys
  std::vector<PendingUpsert> upserts;                     ///< distinct keys, those with `erased` left out
};

/// Joins adjacent changes by key. The order of erasing and writing one key is kept; different keys and tables
/// commute. add() is O(1) and copies values only when two upserts of one key meet. Not thread-safe.
class RowBatch {
 public:
  /// `given` must live and stay unchanged until the batch dies. Its shape must fit its table (asserted). Text
  /// that servers would not keep is replaced (storable.h).
  void add(const flow::RowChange& given);

  struct Table {
    const flow::TableSpec* spec = nullptr;
    std::vector<Stage> stages;  ///< in order
  };
  /// In the order in which the tables appeared.
  const std::vector<Table>& tables() const { return tables_; }

 private:
  struct Index {
    absl::flat_hash_map<KeyRef, size_t> upserts;  ///< into the last stage
    absl::flat_hash_map<KeyRef, size_t> erases;
  };
  void upsert(Stage& stage, Index& index, const flow::RowChange& change);
  void erase(Stage& stage, Index& index, const flow::RowChange& change);

  std::deque<flow::RowChange> replaced_;  ///< instead of those that cannot be stored as they are
  absl::flat_hash_map<const flow::TableSpec*, size_t> by_table_;
  std::vector<Table> tables_;
  std::vector<Index> indexes_;  ///< parallel to tables_
};

}  // namespace waybill::store
