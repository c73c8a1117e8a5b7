#include "ledger/totals.h"

namespace waybill::ledger {

void Totals::merge(const Totals& other) {
  for (size_t p = 0; p < other.producers_.size(); ++p) {
    const ProducerTotals& from = other.producers_[p];
    producer(static_cast<uint32_t>(p)).produced += from.produced;
    for (size_t c = 0; c < from.consumers.size(); ++c) {
      ConsumerTotals& to = consumer(static_cast<uint32_t>(p), static_cast<uint32_t>(c));
      to.consumed += from.consumers[c].consumed;
      to.matched += from.consumers[c].matched;
      to.duplicated += from.consumers[c].duplicated;
      to.latency.merge(from.consumers[c].latency);
    }
  }
  duplicates_.insert(duplicates_.end(), other.duplicates_.begin(), other.duplicates_.end());
}

}  // namespace waybill::ledger
