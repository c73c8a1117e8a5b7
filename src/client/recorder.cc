#include "client/recorder.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace waybill::client {

using tally::BucketKind;
using tally::BucketLabel;
using tally::TierKind;

namespace {

/// Partition ids above this come from no real cluster; they are dropped and counted.
constexpr int32_t kPartitionMax = 1 << 20;

/// Spreads threads over stripes by their handle: cheaper than a thread-local variable in a shared object.
size_t stripe_of_thread(size_t stripes) {
  auto self = reinterpret_cast<uintptr_t>(pthread_self());
  return ((self * 0x9E3779B97F4A7C15ull) >> 40) & (stripes - 1);
}

size_t hint_slot(const void* hint, size_t slots) {
  auto address = reinterpret_cast<uintptr_t>(hint);
  return ((address * 0x9E3779B97F4A7C15ull) >> 40) & (slots - 1);
}

}  // namespace

// --- TopicTally
// ------------------------------------------------------------------------------------------------------

TopicTally::TopicTally(std::string name, ClientTally& client, Shared& shared)
    : name_(std::move(name)), client_(client), shared_(shared), outcomes_(PartitionId(-1), shared) {
  if (client.sends()) stripes_ = std::make_unique<Stripe[]>(kStripes);
}

TopicTally::~TopicTally() = default;

void TopicTally::select_sent_bucket(Stripe& stripe, int64_t time_ms, int64_t now_ms) {
  BucketLabel label;
  stripe.span = 0;
  if (time_ms < 0) {
    label.kind = BucketKind::kUntimed;
  } else if (time_ms < now_ms - kPastMs || time_ms > now_ms + kFutureMs) {
    label.kind = BucketKind::kFar;
  } else {
    label.start = tally::bucket_start(time_ms, shared_.bucket_ms);
  }
  auto with_label = [&](const SentBucket& bucket) { return bucket.label == label; };
  auto found = std::find_if(stripe.buckets.begin(), stripe.buckets.end(), with_label);
  if (found == stripe.buckets.end() && label.kind == BucketKind::kNormal &&
      stripe.buckets.size() >= shared_.limits.buckets) {
    label = {BucketKind::kFar, {}};
    found = std::find_if(stripe.buckets.begin(), stripe.buckets.end(), with_label);
  }
  if (found == stripe.buckets.end()) found = stripe.buckets.insert(found, SentBucket{label, 0, 0});
  stripe.index = static_cast<uint32_t>(found - stripe.buckets.begin());
  if (label.kind == BucketKind::kNormal) {
    stripe.begin = label.start.value;
    stripe.span = static_cast<uint64_t>(shared_.bucket_ms);
  }
}

void TopicTally::sent(int64_t time_ms, uint64_t bytes, int64_t now_ms) {
  if (!stripes_) return;
  Stripe& stripe = stripes_[stripe_of_thread(kStripes)];
  std::lock_guard guard(stripe.lock);
  if (static_cast<uint64_t>(time_ms - stripe.begin) >= stripe.span) [[unlikely]] {
    select_sent_bucket(stripe, time_ms, now_ms);
  }
  SentBucket& bucket = stripe.buckets[stripe.index];
  ++bucket.count;
  bucket.bytes += bytes;
}

bool TopicTally::sent(int64_t time_ms, uint64_t bytes) {
  if (!stripes_) return true;
  Stripe& stripe = stripes_[stripe_of_thread(kStripes)];
  std::lock_guard guard(stripe.lock);
  if (static_cast<uint64_t>(time_ms - stripe.begin) >= stripe.span) return false;
  SentBucket& bucket = stripe.buckets[stripe.index];
  ++bucket.count;
  bucket.bytes += bytes;
  return true;
}

inline PartitionTally* TopicTally::partition(PartitionId id) {
  Table* table = table_.load(std::memory_order_acquire);
  auto index = static_cast<size_t>(static_cast<uint32_t>(id.value));
  if (table && index < table->cells.size()) [[likely]] {
    PartitionTally* known = table->cells[index].load(std::memory_order_acquire);
    if (known) [[likely]]
      return known;
  }
  return add_partition(id);
}

PartitionTally* TopicTally::add_partition(PartitionId id) {
  if (id.value < 0 || id.value > kPartitionMax) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  std::lock_guard guard(grow_);
  auto index = static_cast<size_t>(id.value);
  Table* table = table_.load(std::memory_order_relaxed);
  if (table && index < table->cells.size() && table->cells[index].load(std::memory_order_relaxed)) {
    return table->cells[index].load(std::memory_order_relaxed);
  }
  if (shared_.partitions_left.fetch_sub(1, std::memory_order_relaxed) <= 0) {
    shared_.partitions_left.fetch_add(1, std::memory_order_relaxed);
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  if (!table || index >= table->cells.size()) {
    size_t size = 8;
    while (size <= index) size *= 2;
    auto larger = std::make_unique<Table>(size);
    for (size_t i = 0; table && i < table->cells.size(); ++i) {
      larger->cells[i].store(table->cells[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    table = larger.get();
    tables_.push_back(std::move(larger));
    table_.store(table, std::memory_order_release);
  }
  partitions_.push_back(std::make_unique<PartitionTally>(id, shared_));
  table->cells[index].store(partitions_.back().get(), std::memory_order_release);
  return partitions_.back().get();
}

bool TopicTally::acked(PartitionId id, const Message& message, int64_t latency_ms, int64_t now_ms) {
  PartitionTally* tally = partition(id);
  if (!tally) return false;
  tally->acked(message, latency_ms, now_ms);
  return true;
}

bool TopicTally::consumed(PartitionId id, const Message& message, int64_t now_ms) {
  PartitionTally* tally = partition(id);
  if (!tally) return false;
  tally->consumed(message, client_.session(), now_ms);
  return true;
}

bool TopicTally::committed(PartitionId id, Offset next) {
  PartitionTally* tally = partition(id);
  if (!tally) return false;
  tally->committed(next, client_.session());
  return true;
}

void TopicTally::failed(int32_t code, int64_t time_ms, tally::TimeTypeBit type, int64_t now_ms) {
  outcomes_.failed(code, time_ms, type, now_ms);
}

void TopicTally::unknown(int64_t time_ms, tally::TimeTypeBit type, int64_t now_ms) {
  outcomes_.unknown(1, time_ms, type, now_ms);
}

void TopicTally::drain_sent(Pending& out) {
  if (!stripes_) return;
  Source source{client_.info().ref, {TierKind::kSent, ""}};
  std::vector<SentBucket> taken;
  for (size_t i = 0; i < kStripes; ++i) {
    {
      std::lock_guard guard(stripes_[i].lock);
      if (stripes_[i].buckets.empty()) continue;
      taken.assign(stripes_[i].buckets.begin(), stripes_[i].buckets.end());
      stripes_[i].buckets.clear();
      stripes_[i].span = 0;
    }
    for (const SentBucket& part : taken) {
      tally::Bucket bucket;
      bucket.label = part.label;
      bucket.count = part.count;
      bucket.bytes = part.bytes;
      if (part.label.kind != BucketKind::kUntimed) bucket.time_types = tally::kCreateTime;
      out.know(client_.info());
      out.add_bucket(name_, source, bucket);
      sent_total_ += part.count;
      last_sent_ = std::max(last_sent_, part.label);
    }
  }
}

void TopicTally::drain_partition(PartitionTally& partition, Pending& out, Accumulation& buffer) {
  tally::Position position;
  Source source{client_.info().ref, client_.tier()};
  bool moved = partition.drain(buffer, position);
  for (size_t i = 0; i < buffer.used; ++i) {
    const tally::Bucket& bucket = buffer.buckets[i];
    settled_total_ += bucket.count + bucket.unknown + bucket.failed_total();
  }
  if (!buffer.empty()) out.know(client_.info());
  out.add(name_, source, partition.id(), buffer);
  buffer.reset();
  if (moved && !client_.sends()) {
    position.client = source.client;
    position.topic = name_;
    position.partition = partition.id();
    out.know(client_.info());
    out.set_position(position);
  }
}

void TopicTally::drain(Pending& out, Accumulation& buffer) {
  std::vector<PartitionTally*> known;
  {
    std::lock_guard guard(grow_);
    known.reserve(partitions_.size());
    for (const auto& partition : partitions_) known.push_back(partition.get());
  }
  // Outcomes before sends: a message that is sent in between must not look as if it had an outcome and no
  // send.
  drain_partition(outcomes_, out, buffer);
  for (PartitionTally* partition : known) drain_partition(*partition, out, buffer);
  drain_sent(out);
  tally::Dropped dropped;
  dropped.messages = dropped_.exchange(0, std::memory_order_relaxed);
  settled_total_ += dropped.messages;
  if (dropped.any()) out.drop(name_, dropped);
}

void TopicTally::settle_unknown(Pending& out) {
  if (sent_total_ <= settled_total_) return;
  tally::Bucket bucket;
  bucket.label = last_sent_;
  bucket.unknown = sent_total_ - settled_total_;
  settled_total_ = sent_total_;
  out.know(client_.info());
  out.add_bucket(name_, {client_.info().ref, client_.tier()}, bucket);
}

// --- ClientTally
// -----------------------------------------------------------------------------------------------------

tally::Tier ClientTally::tier() const {
  return {info_.kind, info_.kind == TierKind::kProduced ? std::string() : info_.group};
}

TopicTally* ClientTally::known_topic(const void* hint, const char* name) const {
  TopicTally* known = hints_[hint_slot(hint, kHints)].load(std::memory_order_acquire);
  return known && std::strcmp(known->name().c_str(), name) == 0 ? known : nullptr;
}

TopicTally* ClientTally::topic(const void* hint, const char* name) {
  TopicTally* known = known_topic(hint, name);
  if (known) return known;
  known = find_or_add(name);
  if (known) hints_[hint_slot(hint, kHints)].store(known, std::memory_order_release);
  return known;
}

TopicTally* ClientTally::find_or_add(std::string_view name) {
  std::lock_guard guard(mutex_);
  if (auto known = topics_.find(name); known != topics_.end()) return known->second.get();
  if (topics_.size() >= shared_.limits.topics) {
    dropped_topics_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  auto added = std::make_unique<TopicTally>(std::string(name), *this, shared_);
  return topics_.emplace(std::string(name), std::move(added)).first->second.get();
}

// --- Recorder
// --------------------------------------------------------------------------------------------------------

Recorder::Recorder(int64_t bucket_ms, const Limits& limits) : shared_(bucket_ms, limits) {
  ASSERT(bucket_ms > 0);
}

Recorder::~Recorder() = default;

ClientTally* Recorder::add_client(tally::ClientInfo info) {
  std::lock_guard guard(mutex_);
  if (clients_.size() >= shared_.limits.clients) {
    ++refused_clients_;
    return nullptr;
  }
  info.ref = next_ref_++;
  clients_.push_back(std::make_unique<ClientTally>(std::move(info), shared_));
  return clients_.back().get();
}

void Recorder::close_client(ClientTally* client, std::atomic<ClientTally*>* handle) {
  std::lock_guard guard(mutex_);
  client->handle_ = handle;
  client->closed_.store(true, std::memory_order_relaxed);
}

size_t Recorder::client_count() const {
  std::lock_guard guard(mutex_);
  return clients_.size();
}

size_t Recorder::open_client_count() const {
  std::lock_guard guard(mutex_);
  return static_cast<size_t>(std::count_if(clients_.begin(), clients_.end(), [](const auto& client) {
    return !client->closed_.load(std::memory_order_relaxed);
  }));
}

bool Recorder::all_settled() const {
  std::lock_guard guard(mutex_);
  return std::all_of(clients_.begin(), clients_.end(), [](const auto& client) {
    return client->closed_.load(std::memory_order_relaxed) && settled(*client);
  });
}

void Recorder::drain(Pending& out) {
  std::lock_guard guard(mutex_);
  tally::Dropped dropped;
  for (const auto& client : clients_) {
    bool closed = client->closed_.load(std::memory_order_relaxed);
    std::vector<TopicTally*> topics;
    {
      std::lock_guard inner(client->mutex_);
      for (const auto& [name, topic] : client->topics_) topics.push_back(topic.get());
    }
    for (TopicTally* topic : topics) topic->drain(out, buffer_);
    client->drained_ = client->drained_ || closed;
    dropped.messages += client->dropped_.exchange(0, std::memory_order_relaxed);
    dropped.topics += client->dropped_topics_.exchange(0, std::memory_order_relaxed);
  }
  dropped.messages += refused_clients_;
  refused_clients_ = 0;
  if (dropped.any()) out.drop_unnamed(dropped);
}

bool Recorder::settled(const ClientTally& client) {
  std::lock_guard guard(client.mutex_);
  return client.drained_ && std::all_of(client.topics_.begin(), client.topics_.end(), [](const auto& known) {
           return known.second->sent_total_ <= known.second->settled_total_;
         });
}

void Recorder::sweep(Pending& out, bool final) {
  std::lock_guard guard(mutex_);
  for (const auto& client : clients_) {
    if (!client->closed_.load(std::memory_order_relaxed)) continue;
    ++client->sweeps_;
    if (client->retired_ || !(final || client->sweeps_ >= kPatience || settled(*client))) continue;
    std::lock_guard inner(client->mutex_);
    for (const auto& [name, topic] : client->topics_) topic->settle_unknown(out);
    client->retired_ = true;
    client->sweeps_ = 0;
    if (client->handle_) client->handle_->store(nullptr, std::memory_order_release);
  }
  std::erase_if(clients_, [&](const auto& client) {
    if (!client->retired_ || client->sweeps_ < kGrace) return false;
    for (const auto& [name, topic] : client->topics_) {
      shared_.partitions_left.fetch_add(static_cast<int64_t>(topic->partitions_.size()),
                                        std::memory_order_relaxed);
    }
    return true;
  });
}

}  // namespace waybill::client
