#include "sink/bounded_outbox.h"

#include "flow/passing_store.h"

namespace waybill::sink {
namespace {

class BoundedOutbox final : public flow::PassingStore {
 public:
  BoundedOutbox(flow::Store& inner, OutboxFigures& figures, int64_t rows_max)
      : PassingStore(inner), figures_(figures), rows_max_(rows_max) {}

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
  OutboxFigures& figures_;
  int64_t rows_max_;
};

}  // namespace

std::unique_ptr<flow::Store> make_bounded_outbox(flow::Store& inner, OutboxFigures& figures,
                                                 int64_t rows_max) {
  return std::make_unique<BoundedOutbox>(inner, figures, rows_max);
}

}  // namespace waybill::sink
