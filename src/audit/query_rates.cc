// GET /api/v1/topics/{topic}/rates
#include <map>
#include <utility>

#include "audit/query.h"
#include "audit/query_json.h"
#include "audit/query_params.h"
#include "audit/query_rows.h"
#include "audit/tables.h"

namespace waybill::audit {
namespace {

constexpr int64_t kRateRowsMax = 500'000;

struct RateSum {
  int64_t produced = 0, produced_bytes = 0, consumed = 0, consumed_bytes = 0;
};

void add(RateSum& sum, const RowView& row) {
  if (row.text("tier") == "produced") {
    sum.produced += row.number("count");
    sum.produced_bytes += row.number("bytes");
  } else if (row.text("tier") == "consumed") {
    sum.consumed += row.number("count");
    sum.consumed_bytes += row.number("bytes");
  }
}

}  // namespace

Result<std::string> rates_json(flow::Store& store, std::string_view topic, const Params& params, Now now) {
  constexpr std::string_view kBy[] = {"group", "reporter"};
  auto by = one_of(params, "by", kBy, kBy[0]);
  if (!by) return by;
  auto range = time_range(params, now, {now.wall_ms - kHourMs, now.wall_ms + kHourMs});
  if (!range) return tl::unexpected(std::move(range.error()));
  auto cluster = find_cluster(store, topic, params);
  if (!cluster) return cluster;
  const bool by_group = *by == "group";
  const flow::Query query{.table = &rate_table(),
                          .where = {equals("cluster", *cluster),
                                    equals("topic", std::string(topic)),
                                    {"minute_ms", flow::Filter::Op::kGe, range->from_ms},
                                    {"minute_ms", flow::Filter::Op::kLt, range->to_ms}}};
  std::map<std::pair<int64_t, std::string>, RateSum> sums;
  auto done = each_row(store, query, kRateRowsMax, [&](const RowView& row) {
    if (row.text("tier") != "produced" && row.text("tier") != "consumed") return;
    add(sums[{row.number("minute_ms"), row.text(by_group ? "grp" : "reporter")}], row);
  });
  if (!done) return tl::unexpected(std::move(done.error()));

  Json list = Json::array();
  for (const auto& [key, sum] : sums) {
    list.push_back({{"cluster", *cluster},
                    {"minute", key.first},
                    {"group", by_group && !key.second.empty() ? Json(key.second) : Json()},
                    {"reporter", by_group ? Json() : Json(key.second)},
                    {"produced", sum.produced},
                    {"produced_bytes", sum.produced_bytes},
                    {"consumed", sum.consumed},
                    {"consumed_bytes", sum.consumed_bytes}});
  }
  return text_of(Json{{"rates", std::move(list)}});
}

}  // namespace waybill::audit
