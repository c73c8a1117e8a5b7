#include "sink/bounded_outbox.h"

namespace waybill::sink {
namespace {

class BoundedOutbox final : public flow::Store {
 public:
  BoundedOutbox(flow::Store& inner, OutboxFigures& figures, int64_t rows_max)
      : inner_(inner), figures_(figures), rows_max_(rows_max) {}

  std::string id() const override { return inner_.id(); }
  Result<void> ensure(std::span<const flow::TableSpec* const> tables) override {
    return inner_.ensure(tables);
  }
  Result<flow::Owned> take(const flow::TaskId& task, const flow::OwnerId& owner) override {
    return inner_.take(task, owner);
  }
  Result<flow::Page> query(const flow::Query& query) override { return inner_.query(query); }
  Result<flow::Lease> lease(std::string_view name, const flow::OwnerId& owner, Millis ttl, Now now) override {
    return inner_.lease(name, owner, ttl, now);
  }
  Result<int64_t> expire(std::span<const flow::TableSpec* const> tables, Now now) override {
    return inner_.expire(tables, now);
  }
  Result<std::vector<flow::OutboxRow>> outbox(int64_t after, int64_t limit) override {
    return inner_.outbox(after, limit);
  }
  Result<int64_t> outbox_last() override { return inner_.outbox_last(); }
  Result<void> outbox_done(int64_t sequence) override { return inner_.outbox_done(sequence); }

  Result<std::vector<flow::CommitResult>> commit(std::span<const flow::TaskCommit> commits) override {
    int64_t entries = 0;
    for (const flow::TaskCommit& commit : commits)
      entries += static_cast<int64_t>(commit.changes->outbox.size());
    const int64_t rows = figures_.rows;
    if (entries > 0 && rows >= rows_max_) {
      return fail(Errc::kLimit, "the outbox is full: " + std::to_string(rows) +
                                    " records wait to be forwarded; is a sink down?");
    }
    auto done = inner_.commit(commits);
    if (done) figures_.rows += entries;
    return done;
  }

 private:
  flow::Store& inner_;
  OutboxFigures& figures_;
  int64_t rows_max_;
};

}  // namespace

std::unique_ptr<flow::Store> make_bounded_outbox(flow::Store& inner, OutboxFigures& figures,
                                                 int64_t rows_max) {
  return std::make_unique<BoundedOutbox>(inner, figures, rows_max);
}

}  // namespace waybill::sink
