#pragma once
// What the tests of every store share: places to put one, and rows that are quick to write.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/store.h"
#include "store/server_test.h"
#include "store/store.h"

namespace waybill::store {

/// An empty folder, removed with all that is in it.
class TempFolder {
 public:
  TempFolder() {
    // In memory where there is such a folder: hundreds of small commits would wait for the disk.
    const std::filesystem::path shm = "/dev/shm";
    const bool fast = std::filesystem::exists(shm) && ::access(shm.c_str(), W_OK) == 0;
    std::string pattern = (fast ? shm : std::filesystem::temp_directory_path()) / "waybill-store-XXXXXX";
    path_ = ::mkdtemp(pattern.data()) == nullptr ? std::string() : pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// A kind of store under test.
struct Place {
  std::string name;
  std::function<std::string(const TempFolder& folder)> url;  ///< of a store that is new for each folder
};
inline void PrintTo(const Place& place, std::ostream* out) { *out << place.name; }

/// The servers of test_servers().
inline const std::vector<Place>& server_places() {
  static const std::vector<Place> places = [] {
    std::vector<Place> named;
    for (auto& [name, server] : test_servers()) {
      named.push_back(
          {name, [&here = server](const TempFolder& folder) { return here.url_of(folder.path("")); }});
    }
    return named;
  }();
  return places;
}

inline const std::vector<Place>& all_places() {
  static const std::vector<Place> places = [] {
    std::vector<Place> all{
        {"sqlite", [](const TempFolder& folder) { return "sqlite:" + folder.path("waybill.db"); }}};
    all.insert(all.end(), server_places().begin(), server_places().end());
    return all;
  }();
  return places;
}

/// Fails the test and dies when the store does not open.
inline std::unique_ptr<flow::Store> must_open(const std::string& url, flow::RetentionConfig retention = {}) {
  auto store = open_store({.url = url, .retention = retention}, nullptr);
  if (!store) {
    ADD_FAILURE() << store.error().message;
    std::abort();
  }
  return std::move(*store);
}

/// The sketch of sample_table(): sets of letters, joined by union, sorted.
inline std::string merge_letters(std::string_view a, std::string_view b) {
  std::string out;
  for (char c = 'a'; c <= 'z'; ++c) {
    if (a.find(c) != a.npos || b.find(c) != b.npos) out += c;
  }
  return out;
}

/// A table with every kind of column and merge.
inline const flow::TableSpec& sample_table() {
  using flow::ColumnType;
  using flow::Merge;
  static const flow::TableSpec spec{.name = "sample",
                                    .keys = {{"name"}, {"minute", ColumnType::kInt64}},
                                    .values = {{"count"},
                                               {"low", ColumnType::kInt64, Merge::kMin},
                                               {"high", ColumnType::kInt64, Merge::kMax},
                                               {"note", ColumnType::kText, Merge::kLast},
                                               {"letters", ColumnType::kText, Merge::kSketch},
                                               {"weight", ColumnType::kDouble, Merge::kSum}},
                                    .merge_sketch = merge_letters,
                                    .expire_by = "minute",
                                    .retention = flow::TableSpec::Retention::kMinutes};
  return spec;
}

struct Sample {
  int64_t count = 0;
  int64_t low = 0;
  int64_t high = 0;
  std::string note{};
  std::string letters{};
  double weight = 0;
};

inline flow::RowChange put(std::string name, int64_t minute, const Sample& s) {
  return {&sample_table(),
          flow::RowChange::Op::kUpsert,
          {std::move(name), minute},
          {s.count, s.low, s.high, s.note, s.letters, s.weight}};
}
inline flow::RowChange erase(std::string name, int64_t minute) {
  return {&sample_table(), flow::RowChange::Op::kErase, {std::move(name), minute}, {}};
}
inline flow::RowChange erase_all(std::string name) {
  return {&sample_table(), flow::RowChange::Op::kErasePrefix, {std::move(name)}, {}};
}

/// Every row of a table in the order of its key, read page by page.
inline std::vector<flow::Page::Row> all_rows(flow::Store& store, const flow::TableSpec& table,
                                             int64_t page_rows = 3) {
  std::vector<flow::Page::Row> rows;
  flow::Query query{.table = &table, .limit = page_rows};
  for (;;) {
    auto page = store.query(query);
    if (!page) {
      ADD_FAILURE() << page.error().message;
      return rows;
    }
    for (auto& row : page->rows) rows.push_back(std::move(row));
    if (!page->next) return rows;
    query.cursor = *page->next;
  }
}

/// "a/60: 3 1 9 note abc 0.5; ..." for comparing at a glance.
inline std::string text_of(const std::vector<flow::Value>& values, std::string_view separator) {
  std::string out;
  for (const auto& value : values) {
    if (!out.empty() || &value != &values.front()) out += separator;
    if (const auto* s = std::get_if<std::string>(&value)) out += *s;
    if (const auto* i = std::get_if<int64_t>(&value)) out += std::to_string(*i);
    if (const auto* d = std::get_if<double>(&value)) out += std::to_string(*d);
  }
  return out;
}
inline std::string text_of(const std::vector<flow::Page::Row>& rows) {
  std::string out;
  for (const auto& row : rows) out += text_of(row.key, "/") + ": " + text_of(row.values, " ") + "\n";
  return out;
}

/// A Task's place in a store, for commits.
class Owner {
 public:
  Owner(flow::Store& store, flow::TaskId task, const flow::OwnerId& owner = "owner")
      : store_(&store), task_(std::move(task)) {
    auto taken = store.take(task_, owner);
    if (!taken) {
      ADD_FAILURE() << taken.error().message;
      std::abort();
    }
    owned = std::move(*taken);
  }
  flow::TaskCommit with(flow::Changes& changes,
                        std::vector<std::pair<flow::SourcePartition, Offset>> positions = {}) const {
    return {task_, owned.epoch, std::move(positions), &changes};
  }
  Result<flow::CommitResult> commit(flow::Changes changes,
                                    std::vector<std::pair<flow::SourcePartition, Offset>> positions = {}) {
    const flow::TaskCommit one[] = {with(changes, std::move(positions))};
    auto results = store_->commit(one);
    if (!results) return tl::unexpected(results.error());
    return results->at(0);
  }
  Result<flow::CommitResult> commit_rows(flow::Rows rows) { return commit({.rows = std::move(rows)}); }

  flow::Owned owned;

 private:
  flow::Store* store_;
  flow::TaskId task_;
};

}  // namespace waybill::store
