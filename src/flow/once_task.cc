#include "flow/once_task.h"

#include "flow/seen_records.h"

namespace waybill::flow {
namespace {

constexpr size_t kSeenBytes = 24;  ///< of state, a record

class OnceTask final : public Task {
 public:
  OnceTask(std::unique_ptr<Task> inner, int64_t keep) : inner_(std::move(inner)), seen_(keep) {}

  Result<void> restore(const SegmentReader& segments) override {
    if (auto done = seen_.restore(segments); !done) return done;
    return inner_->restore(segments);
  }

  void process(const Batch& batch, Now now) override {
    fresh_.clear();
    for (const Record& record : batch.records) {
      if (!record.has_key || seen_.add(record.key, record.offset)) fresh_.push_back(record);
    }
    added_ += fresh_.size();
    seen_.pass(batch.next);
    if (fresh_.empty() && !batch.gap) return;
    Batch left = batch;
    left.records = fresh_;
    inner_->process(left, now);
  }

  void answer(const Answer& answer, Now now) override { inner_->answer(answer, now); }
  void advance(Watermark watermark, Now now) override { inner_->advance(watermark, now); }

  void flush(Changes& changes) override {
    inner_->flush(changes);
    seen_.flush(changes.segments);
    added_ = 0;
  }
  size_t pending_bytes() const override { return inner_->pending_bytes() + added_ * kSeenBytes; }

 private:
  std::unique_ptr<Task> inner_;
  SeenRecords seen_;
  std::vector<Record> fresh_;
  size_t added_ = 0;
};

}  // namespace

std::unique_ptr<Task> make_once_task(std::unique_ptr<Task> inner, int64_t keep) {
  return std::make_unique<OnceTask>(std::move(inner), keep);
}

}  // namespace waybill::flow
