#pragma once
// A store with audit rows, and the API's answers as JSON. For the tests of the queries.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "audit/query.h"
#include "audit/tables.h"

namespace waybill::audit {

using TestJson = nlohmann::json;
using Columns = std::map<std::string, flow::Value>;

class QueryHarness {
 public:
  /// `empty` is a store without tables.
  explicit QueryHarness(std::unique_ptr<flow::Store> empty) : owned(std::move(empty)), store(*owned) {
    EXPECT_TRUE(store.ensure(audit_tables()));
  }

  /// Writes one row; columns that are not named are 0 or empty, positions of partitions -1.
  void put(const flow::TableSpec& table, std::vector<flow::Value> key, const Columns& columns) {
    flow::RowChange row{&table, flow::RowChange::Op::kUpsert, std::move(key), {}};
    size_t used = 0;
    for (const auto& column : table.values) {
      auto it = columns.find(std::string(column.name));
      used += it != columns.end();
      const bool position = column.name.ends_with("_offset") || column.name.starts_with("log_");
      if (it != columns.end()) {
        row.values.push_back(it->second);
      } else if (column.type == flow::ColumnType::kText) {
        row.values.emplace_back(std::string());
      } else {
        row.values.emplace_back(int64_t{position && &table == &partition_table() ? -1 : 0});
      }
    }
    EXPECT_EQ(used, columns.size()) << "a column that " << table.name << " does not have";
    apply({.rows = {std::move(row)}});
  }

  void apply(flow::Changes changes) {
    if (epoch_ == 0) epoch_ = store.take("test", "test")->epoch;
    const flow::TaskCommit commits[] = {{"test", epoch_, {}, &changes}};
    EXPECT_TRUE(store.commit(commits));
  }

  void partition(const std::string& cluster, const std::string& topic, int64_t part, const std::string& group,
                 const Columns& columns, int64_t incarnation = 0) {
    put(partition_table(), {cluster, topic, incarnation, part, group}, columns);
  }
  void finding(int64_t part, const std::string& group, int64_t first, int64_t last, const std::string& state,
               const Columns& more = {}, int64_t incarnation = 0) {
    Columns columns = more;
    columns["last_offset"] = last;
    put(finding_table(), {std::string("main"), std::string("t"), incarnation, part, group, first, state},
        columns);
  }

  static Params params(std::map<std::string, std::string> given) {
    return [given](std::string_view name) -> std::optional<std::string> {
      auto it = given.find(std::string(name));
      return it == given.end() ? std::nullopt : std::optional(it->second);
    };
  }

  using TopicQuery = Result<std::string> (*)(flow::Store&, std::string_view, const Params&, Now);
  /// The parsed answer; null and a failed test when there is none.
  TestJson ask(TopicQuery query, const std::string& topic, std::map<std::string, std::string> given = {}) {
    return parse(query(store, topic, params(std::move(given)), now));
  }
  TestJson topics(std::map<std::string, std::string> given = {}) {
    return parse(topics_json(store, params(std::move(given)), now)).at("topics");
  }
  TestJson reporters(std::map<std::string, std::string> given = {}) {
    return parse(reporters_json(store, params(std::move(given)), now)).at("reporters");
  }
  Error refusal(TopicQuery query, const std::string& topic, std::map<std::string, std::string> given = {}) {
    auto answer = query(store, topic, params(std::move(given)), now);
    return answer ? Error{Errc::kEndOfData, *answer} : answer.error();
  }

  std::unique_ptr<flow::Store> owned;
  flow::Store& store;
  Now now{.wall_ms = 1'700'000'000'000, .steady_ms = 0};

 private:
  static TestJson parse(const Result<std::string>& answer) {
    if (!answer) {
      ADD_FAILURE() << answer.error().message;
      return {};
    }
    return TestJson::parse(*answer);
  }
  int64_t epoch_ = 0;
};

}  // namespace waybill::audit
