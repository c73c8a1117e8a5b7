#include "store/writer.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>

#include "store/merge.h"
#include "store/row_parameters.h"
#include "store/statement.h"

namespace waybill::store {
namespace {

size_t text_bytes(const std::vector<flow::Value>& values) {
  size_t bytes = 0;
  for (const auto& value : values) {
    if (const auto* s = std::get_if<std::string>(&value)) bytes += s->size();
  }
  return bytes;
}

/// Rows of one statement, as keys and values by address.
struct Chunk {
  Tuples keys;
  Tuples values;
};

/// Positions of the sketch columns among the values.
std::vector<size_t> sketch_columns(const flow::TableSpec& table) {
  std::vector<size_t> columns;
  for (size_t i = 0; i < table.values.size(); ++i) {
    if (table.values[i].merge == flow::Merge::kSketch) columns.push_back(i);
  }
  return columns;
}

class TableWriter {
 public:
  TableWriter(soci::session& session, const SqlText& text, const flow::TableSpec& table)
      : session_(session),
        text_(text),
        words_(text.words()),
        table_(table),
        sketches_(sketch_columns(table)),
        rows_max_(rows_per_statement(words_, table.keys.size() + table.values.size())) {}

  void upsert(const std::vector<PendingUpsert>& rows) {
    Chunk chunk;
    size_t bytes = 0;
    for (const PendingUpsert& row : rows) {
      if (row.erased) continue;
      bytes += text_bytes(row.change->key) + text_bytes(row.values());
      if (chunk.keys.size() == rows_max_ || (bytes > kStatementBytesMax && !chunk.keys.empty())) {
        flush(chunk);
        bytes = 0;
      }
      chunk.keys.push_back(&row.change->key);
      chunk.values.push_back(&row.values());
    }
    flush(chunk);
  }

 private:
  void flush(Chunk& chunk) {
    if (chunk.keys.empty()) return;
    if (sketches_.empty()) {
      execute(session_, upsert_text(chunk.keys.size()), parameters_of(chunk).list());
    } else {
      flush_with_sketches(chunk);
    }
    chunk = Chunk{};
  }

  /// Rows that are there are locked and get the joined sketches. The others are inserted and nothing else:
  /// when another process has made one of them meanwhile, its sketch must not be overwritten, and the server
  /// refuses (Failure::Kind::kCollided).
  void flush_with_sketches(Chunk& chunk) {
    std::vector<bool> found(chunk.keys.size());
    const auto joined = join_sketches(chunk, found);
    Chunk old, fresh;
    for (size_t row = 0; row < chunk.keys.size(); ++row) {
      Chunk& part = found[row] ? old : fresh;
      part.keys.push_back(chunk.keys[row]);
      part.values.push_back(chunk.values[row]);
    }
    if (!old.keys.empty()) execute(session_, upsert_text(old.keys.size()), parameters_of(old).list());
    if (!fresh.keys.empty()) {
      execute(session_, text_.insert(table_, fresh.keys.size()), parameters_of(fresh).list());
    }
  }

  RowParameters parameters_of(const Chunk& chunk) const { return {words_, chunk.keys, chunk.values}; }

  /// The text for full statements is made once.
  const std::string& upsert_text(size_t rows) {
    if (rows != statement_rows_) {
      statement_ = text_.upsert(table_, rows);
      statement_rows_ = rows;
    }
    return statement_;
  }

  /// Reads the stored sketches of the chunk's keys and points the chunk at values that hold old and new
  /// joined; `found` tells which were there.
  std::vector<std::vector<flow::Value>> join_sketches(Chunk& chunk, std::vector<bool>& found) {
    absl::flat_hash_map<KeyRef, size_t> rows;
    for (size_t row = 0; row < chunk.keys.size(); ++row) rows.emplace(KeyRef{chunk.keys[row]}, row);
    const RowParameters keys(words_, chunk.keys);
    std::vector<flow::ColumnType> types;
    for (const auto& key : table_.keys) types.push_back(key.type);
    types.resize(types.size() + sketches_.size(), flow::ColumnType::kText);
    std::vector<std::vector<flow::Value>> joined;
    joined.reserve(chunk.keys.size());
    fetch_each(session_, text_.select_sketches(table_, chunk.keys.size()), keys.list(), types,
               [&](Row& stored) {
                 const std::vector<flow::Value> key(
                     stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(table_.keys.size()));
                 const size_t row = rows.at(KeyRef{&key});
                 found[row] = true;
                 std::vector<flow::Value>& values = joined.emplace_back(*chunk.values[row]);
                 for (size_t i = 0; i < sketches_.size(); ++i) {
                   flow::Value old = std::move(stored[table_.keys.size() + i]);
                   merge_value(table_, table_.values[sketches_[i]], old, values[sketches_[i]]);
                   values[sketches_[i]] = std::move(old);
                 }
                 chunk.values[row] = &values;
               });
    return joined;
  }

  soci::session& session_;
  const SqlText& text_;
  const Words& words_;
  const flow::TableSpec& table_;
  std::vector<size_t> sketches_;
  size_t rows_max_;
  std::string statement_;
  size_t statement_rows_ = 0;
};

void erase_prefixes(soci::session& session, const SqlText& text, const flow::TableSpec& table,
                    const Tuples& prefixes) {
  std::map<size_t, Tuples> by_length;
  for (const auto* prefix : prefixes) by_length[prefix->size()].push_back(prefix);
  for (const auto& [length, keys] : by_length) erase_rows(session, text, table, keys);
}

}  // namespace

void erase_rows(soci::session& session, const SqlText& text, const flow::TableSpec& table,
                const Tuples& keys) {
  if (keys.empty()) return;
  const size_t columns = keys.front()->size();
  const size_t rows_max = columns == 0 ? keys.size() : rows_per_statement(text.words(), columns);
  for (size_t done = 0; done < keys.size(); done += rows_max) {
    const auto rest = std::span(keys).subspan(done, std::min(rows_max, keys.size() - done));
    const Tuples part(rest.begin(), rest.end());
    execute(session, text.erase(table, columns, part.size()), RowParameters(text.words(), part).list());
  }
}

void upsert_row(soci::session& session, const SqlText& text, const flow::TableSpec& table,
                const std::vector<flow::Value>& row) {
  execute(session, text.upsert(table, 1), RowParameters(text.words(), {&row}).list());
}

void write_rows(soci::session& session, const SqlText& text, const RowBatch& batch) {
  for (const RowBatch::Table& table : batch.tables()) {
    TableWriter writer(session, text, *table.spec);
    for (const Stage& stage : table.stages) {
      erase_prefixes(session, text, *table.spec, stage.prefixes);
      erase_rows(session, text, *table.spec, stage.erases);
      writer.upsert(stage.upserts);
    }
  }
}

}  // namespace waybill::store
