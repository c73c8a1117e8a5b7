#include "sink/version_base.h"

namespace waybill::sink {
namespace {

constexpr int kAttempts = 5;

const flow::TableSpec& base_table() {
  static const flow::TableSpec kSpec{.name = "sink_base",
                                     .keys = {{"name"}},
                                     .values = {{"base_us", flow::ColumnType::kInt64, flow::Merge::kMin}}};
  return kSpec;
}

}  // namespace

Result<int64_t> version_base(flow::Store& store, const flow::OwnerId& owner, const Clock& clock) {
  const flow::TableSpec* const tables[] = {&base_table()};
  if (auto ready = store.ensure(tables); !ready) return tl::make_unexpected(std::move(ready.error()));
  for (int i = 0; i < kAttempts; ++i) {
    // Taken first: another process that writes one meanwhile fences this one, which then reads that.
    auto owned = store.take("sink/base", owner);
    if (!owned) return tl::make_unexpected(std::move(owned.error()));
    auto page = store.query({.table = &base_table()});
    if (!page) return tl::make_unexpected(std::move(page.error()));
    if (!page->rows.empty()) return std::get<int64_t>(page->rows.front().values.front());
    flow::Changes changes;
    changes.rows.push_back(
        {.table = &base_table(), .key = {std::string("versions")}, .values = {clock.now().wall_ms * 1000}});
    const flow::TaskCommit commit{
        .task = owned->task, .epoch = owned->epoch, .positions = {}, .changes = &changes};
    if (auto done = store.commit({&commit, 1}); !done && done.error().code != Errc::kUnknown)
      return tl::make_unexpected(std::move(done.error()));
  }
  return fail(Errc::kUnavailable, "other processes begin at the same time");
}

}  // namespace waybill::sink
