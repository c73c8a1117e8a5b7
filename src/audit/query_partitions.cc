// GET /api/v1/topics/{topic}/partitions
#include <algorithm>
#include <map>
#include <tuple>

#include "audit/query.h"
#include "audit/query_json.h"
#include "audit/query_rows.h"
#include "audit/tables.h"

namespace waybill::audit {
namespace {

constexpr int64_t kPartitionRowsMax = 500'000;

Json known(int64_t offset) { return offset < 0 ? Json() : Json(offset); }

Json row_json(const RowView& row) {
  const std::string& group = row.text("grp");
  return {{"cluster", row.text("cluster")},
          {"incarnation", row.number("incarnation")},
          {"partition", row.number("part")},
          {"group", group.empty() ? Json() : Json(group)},
          {"count", row.number("distinct_offsets")},
          {"lost", row.number("lost")},
          {"pending", row.number("pending")},
          {"suspected", row.number("suspected")},
          {"redelivered", row.number("redelivered")},
          {"next_offset", known(row.number("next_offset"))},
          {"committed_offset", known(row.number("committed_offset"))},
          {"log_start", known(row.number("log_start"))},
          {"log_end", known(row.number("log_end"))}};
}

}  // namespace

Result<std::string> partitions_json(flow::Store& store, std::string_view topic, const Params& params, Now) {
  auto cluster = find_cluster(store, topic, params);
  if (!cluster) return cluster;
  const flow::Query query{.table = &partition_table(),
                          .where = {equals("cluster", *cluster), equals("topic", std::string(topic))}};
  std::map<std::pair<int64_t, std::string>, std::pair<int64_t, Json>> newest;  // by partition and group
  auto done = each_row(store, query, kPartitionRowsMax, [&](const RowView& row) {
    if (row.number("part") < 0) return;
    auto [it, fresh] = newest.try_emplace({row.number("part"), row.text("grp")}, -1, Json());
    if (row.number("incarnation") < it->second.first) return;
    it->second = {row.number("incarnation"), row_json(row)};
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  Json list = Json::array();
  for (auto& [key, row] : newest) list.push_back(std::move(row.second));
  return text_of(Json{{"partitions", std::move(list)}});
}

}  // namespace waybill::audit
