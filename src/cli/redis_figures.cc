#include "cli/redis_figures.h"

#include <charconv>
#include <optional>

#include "audit/hop_figures.h"
#include "audit/tables.h"
#include "cli/kpi_engine.h"
#include "kpi/figures.h"
#include "kpi/tables.h"
#include "tally/bucket.h"

namespace waybill::cli {
namespace {

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Two scans as one.
class BothScans final : public flow::FigureScan {
 public:
  BothScans(std::unique_ptr<flow::FigureScan> first, std::unique_ptr<flow::FigureScan> second)
      : first_(std::move(first)), second_(std::move(second)) {}

  Result<bool> next(const flow::TakeFigure& take) override {
    if (!first_) return second_->next(take);
    auto more = first_->next(take);
    if (more && !*more) first_.reset();
    return more ? Result<bool>(true) : more;
  }

 private:
  std::unique_ptr<flow::FigureScan> first_, second_;
};

class StoreFigures final : public sink::FigureReader {
 public:
  StoreFigures(const Config& config, flow::Store& store, const Clock& clock)
      : store_(store),
        clock_(clock),
        program_(compiled_kpis(config.kpi)),
        agents_(agent_rule(config.kpi)),
        ttl_ms_(config.redis->ttl.count()) {}

  Result<void> read(std::span<const sink::RowName> rows, const flow::TakeFigure& take) override {
    for (const sink::RowName& row : rows) {
      auto done = row.table == audit::bucket_table().name ? hops(row.name, take) : window(row.name, take);
      if (!done) return done;
    }
    return {};
  }

  std::unique_ptr<flow::FigureScan> read_all() override {
    return std::make_unique<BothScans>(kpi::all_window_figures(store_, program_, ttl_ms_),
                                       audit::all_hop_figures(store_, clock_.now().wall_ms - ttl_ms_));
  }

  Result<void> read_status(const flow::TakeFigure& take) override {
    return kpi::status_figures(store_, *program_, agents_, clock_.now(), take);
  }

 private:
  Result<void> window(std::string_view name, const flow::TakeFigure& take) {
    const auto parts = sink::row_name_parts(name, 3);
    const auto start = parts.size() == 3 ? whole_number(parts[1]) : std::nullopt;
    if (!start) return {};  // not written by this version
    return kpi::window_figure(store_, *program_, parts[0], *start, std::string(parts[2]), take);
  }

  Result<void> hops(std::string_view name, const flow::TakeFigure& take) {
    const auto parts = sink::row_name_parts(name, 4);
    const auto kind = parts.size() == 4 ? whole_number(parts[0]) : std::nullopt;
    const auto start = parts.size() == 4 ? whole_number(parts[1]) : std::nullopt;
    // Messages without a usable time have no bucket that could be shown.
    if (!start || kind != static_cast<int64_t>(tally::BucketKind::kNormal)) return {};
    return audit::hop_figures(store_, std::string(parts[2]), std::string(parts[3]), *start, take);
  }

  flow::Store& store_;
  const Clock& clock_;
  std::shared_ptr<const kpi::Program> program_;  ///< shared with scans
  kpi::AgentRule agents_;
  int64_t ttl_ms_;
};

}  // namespace

std::vector<sink::ShownTable> redis_tables() {
  // Keys: kpi, start_ms, grp; and kind, start, cluster, topic.
  return {{&kpi::minute_table(), {0, 1, 2}},
          {&kpi::hour_table(), {0, 1, 2}},
          {&audit::bucket_table(), {2, 3, 0, 1}}};
}

std::unique_ptr<sink::FigureReader> make_redis_figures(const Config& config, flow::Store& store,
                                                       const Clock& clock) {
  return std::make_unique<StoreFigures>(config, store, clock);
}

}  // namespace waybill::cli
