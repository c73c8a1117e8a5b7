#include "client/pending.h"

#include "base/assert.h"
#include "base/hash.h"

namespace waybill::client {

using tally::Bucket;
using tally::BucketKind;
using tally::BucketLabel;
using tally::Dropped;

namespace {

void add_to(Dropped& sum, const Dropped& more) {
  sum.messages += more.messages;
  sum.coverage += more.coverage;
  sum.topics += more.topics;
}

}  // namespace

BucketLabel PendingTopic::add_bucket(const Source& source, const Bucket& bucket, const Limits& limits) {
  BucketLabel label = bucket.label;
  auto it = buckets_.find({source, label});
  if (it == buckets_.end() && label.kind == BucketKind::kNormal) {
    size_t open = 0;
    for (auto at = buckets_.lower_bound({source, BucketLabel{BucketKind::kNormal, BucketStart(INT64_MIN)}});
         at != buckets_.end() && at->first.first == source && at->first.second.kind == BucketKind::kNormal;
         ++at) {
      ++open;
    }
    if (open >= limits.buckets) label = {BucketKind::kFar, {}};
  }
  Bucket& sum = buckets_[{source, label}];
  sum.label = label;
  if (label == bucket.label) {
    sum.merge(bucket);
  } else {
    Bucket moved = bucket;
    moved.label = label;
    sum.merge(moved);
  }
  return label;
}

void PendingTopic::add_run(const Source& source, PartitionId partition, BucketLabel label, const Run& run) {
  Offsets& offsets = offsets_[{source, partition, label, run.session}];
  const auto size = [&] {
    return offsets.seen.run_count() + offsets.again.borders() + offsets.reordered.run_count();
  };
  const size_t before = size();
  std::vector<OffsetRange> fresh, overlap;
  offsets.seen.insert(run.range, &fresh, &overlap);
  for (const OffsetRange& twice : overlap) offsets.again.add(twice);
  if (run.below) {
    for (const OffsetRange& late : fresh) offsets.reordered.insert(late);
  } else if (!offsets.reordered.empty()) {
    offsets.reordered.erase(run.range);
  }
  runs_ += size() - before;
}

void PendingTopic::add_rate(const Source& source, int64_t minute_ms, uint64_t count, uint64_t bytes) {
  Counts& sum = rates_[{source, minute_ms}];
  sum.count += count;
  sum.bytes += bytes;
}

void PendingTopic::set_position(const tally::Position& position) {
  positions_[{position.client, position.partition}] = position;
}

void PendingTopic::drop(const Dropped& dropped) { add_to(dropped_, dropped); }

void PendingTopic::append_to(tally::Report& report, const std::string& topic) const {
  for (const auto& [key, bucket] : buckets_) {
    report.entries.push_back({key.first.client, key.first.tier, topic, bucket});
  }
  for (const auto& [key, offsets] : offsets_) {
    const auto& [source, partition, label, session] = key;
    report.coverage.push_back({source.client, source.tier, topic, partition, label, session,
                               offsets.seen.runs(), offsets.again.list(), offsets.reordered.runs()});
  }
  for (const auto& [key, position] : positions_) report.positions.push_back(position);
  for (const auto& [key, counts] : rates_) {
    report.rates.push_back({key.first.client, key.first.tier, topic, key.second, counts.count, counts.bytes});
  }
  add_to(report.dropped, dropped_);
}

bool Pending::room_for_item() const {
  size_t items = 0;
  for (const auto& [name, topic] : topics_) items += topic.items();
  return items < limits_.pending_items;
}

void Pending::add(const std::string& topic, const Source& source, PartitionId partition,
                  const Accumulation& gathered) {
  if (gathered.empty()) return;
  PendingTopic& into = topics_[topic];
  Dropped dropped;
  dropped.coverage = gathered.dropped_coverage;
  if (!room_for_item()) {
    for (size_t i = 0; i < gathered.used; ++i) {
      dropped.messages +=
          gathered.buckets[i].count + gathered.buckets[i].unknown + gathered.buckets[i].failed_total();
    }
    into.drop(dropped);
    return;
  }
  std::vector<BucketLabel> labels;
  labels.reserve(gathered.used);
  for (size_t i = 0; i < gathered.used; ++i) {
    labels.push_back(into.add_bucket(source, gathered.buckets[i], limits_));
  }
  size_t held = 0;
  for (const auto& [name, other] : topics_) held += other.runs();
  for (const Run& run : gathered.runs) {
    if (held + gathered.runs.size() > limits_.pending_runs) {
      dropped.coverage += static_cast<uint64_t>(run.range.size());
    } else {
      into.add_run(source, partition, labels[run.bucket], run);
    }
  }
  for (const Minute& minute : gathered.minutes) {
    into.add_rate(source, minute.minute_ms, minute.count, minute.bytes);
  }
  into.drop(dropped);
}

void Pending::add_bucket(const std::string& topic, const Source& source, const Bucket& bucket) {
  PendingTopic& into = topics_[topic];
  if (room_for_item()) {
    into.add_bucket(source, bucket, limits_);
  } else {
    into.drop({bucket.count + bucket.unknown, 0, 0});
  }
}

void Pending::set_position(const tally::Position& position) {
  topics_[position.topic].set_position(position);
}

void Pending::drop_unnamed(const Dropped& dropped) { add_to(unnamed_, dropped); }

std::set<PartitionId> Pending::partitions(int32_t count) const {
  std::set<PartitionId> out;
  for (const auto& [name, topic] : topics_) out.insert(audit_partition(name, count));
  return out;
}

void Pending::take(PartitionId partition, int32_t count, tally::Report& report) {
  for (auto it = topics_.begin(); it != topics_.end();) {
    if (audit_partition(it->first, count) == partition) {
      it->second.append_to(report, it->first);
      it = topics_.erase(it);
    } else {
      ++it;
    }
  }
  name_clients(report);
  if (topics_.empty()) clients_.clear();
}

void Pending::name_clients(tally::Report& report) {
  std::set<uint32_t> refs;
  for (const auto& entry : report.entries) refs.insert(entry.client);
  for (const auto& chunk : report.coverage) refs.insert(chunk.client);
  for (const auto& position : report.positions) refs.insert(position.client);
  for (const auto& rate : report.rates) refs.insert(rate.client);
  for (uint32_t ref : refs) {
    auto known = clients_.find(ref);
    ASSERT(known != clients_.end());
    report.clients.push_back(known->second);
  }
}

}  // namespace waybill::client
