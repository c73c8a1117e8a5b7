#pragma once
// Changed rows of some tables, named in the outbox by the commit that changes them.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/store.h"
#include "sink/outbox_drainer.h"

namespace waybill::sink {

/// What names a row of a table for a sink: some of its key columns, so that parts of one sum have one name.
struct ShownTable {
  const flow::TableSpec* table = nullptr;  ///< outlives the store
  std::vector<size_t> columns;             ///< of TableSpec::keys; only the last may hold U+001F
};

/// The columns' values, whole numbers in decimal, joined by U+001F.
std::string row_name(const flow::RowChange& change, const std::vector<size_t>& columns);
/// The parts of such a name; the last one may hold U+001F. Fewer than `count` when there are fewer.
std::vector<std::string_view> row_name_parts(std::string_view name, size_t count);

/// Passes everything on to `inner`; a commit that upserts rows of `tables` puts their names into the outbox,
/// each once. `figures.rows` grows with them. Both references outlive it.
std::unique_ptr<flow::Store> make_row_outbox(flow::Store& inner, OutboxFigures& figures,
                                             std::vector<ShownTable> tables);

}  // namespace waybill::sink
