#include "sink/row_outbox.h"

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "flow/passing_store.h"

namespace waybill::sink {
namespace {

constexpr char kPartSeparator = '\x1f';

class RowOutbox final : public flow::PassingStore {
 public:
  RowOutbox(flow::Store& inner, OutboxFigures& figures, std::vector<ShownTable> tables)
      : PassingStore(inner), figures_(figures), tables_(std::move(tables)) {}

  Result<std::vector<flow::CommitResult>> commit(std::span<const flow::TaskCommit> commits) override {
    std::vector<size_t> before;
    int64_t added = 0;
    for (const flow::TaskCommit& commit : commits) {
      before.push_back(commit.changes ? commit.changes->outbox.size() : 0);
      if (!commit.changes) continue;
      name_rows(*commit.changes);
      added += static_cast<int64_t>(commit.changes->outbox.size() - before.back());
    }
    auto done = inner_.commit(commits);
    if (done) {
      figures_.rows += added;
      return done;
    }
    // The same changes are offered again.
    for (size_t i = 0; i < commits.size(); ++i) {
      if (commits[i].changes) commits[i].changes->outbox.resize(before[i]);
    }
    return done;
  }

 private:
  void name_rows(flow::Changes& changes) const {
    std::set<std::pair<const flow::TableSpec*, std::string>> seen;
    for (const flow::RowChange& change : changes.rows) {
      if (change.op != flow::RowChange::Op::kUpsert) continue;
      auto shown = std::find_if(tables_.begin(), tables_.end(),
                                [&change](const ShownTable& t) { return t.table == change.table; });
      if (shown == tables_.end()) continue;
      auto [row, is_new] = seen.emplace(change.table, row_name(change, shown->columns));
      if (is_new) changes.outbox.push_back({std::string(change.table->name), row->second, {}});
    }
  }

  OutboxFigures& figures_;
  std::vector<ShownTable> tables_;
};

}  // namespace

std::string row_name(const flow::RowChange& change, const std::vector<size_t>& columns) {
  std::string name;
  for (size_t column : columns) {
    if (column != columns.front()) name += kPartSeparator;
    const flow::Value& value = change.key.at(column);
    if (const auto* text = std::get_if<std::string>(&value)) {
      name += *text;
    } else {
      name += std::to_string(std::get<int64_t>(value));
    }
  }
  return name;
}

std::vector<std::string_view> row_name_parts(std::string_view name, size_t count) {
  ASSERT(count > 0);
  std::vector<std::string_view> parts;
  while (parts.size() + 1 < count) {
    const size_t end = name.find(kPartSeparator);
    if (end == std::string_view::npos) break;
    parts.push_back(name.substr(0, end));
    name.remove_prefix(end + 1);
  }
  parts.push_back(name);
  return parts;
}

std::unique_ptr<flow::Store> make_row_outbox(flow::Store& inner, OutboxFigures& figures,
                                             std::vector<ShownTable> tables) {
  return std::make_unique<RowOutbox>(inner, figures, std::move(tables));
}

}  // namespace waybill::sink
