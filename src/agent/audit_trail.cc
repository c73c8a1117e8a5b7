#include "agent/audit_trail.h"

#include "base/assert.h"

namespace waybill::agent {
namespace {

constexpr int64_t kBucketMs = 60'000;

tally::ClientInfo info(tally::TierKind kind, const std::string& client_id) {
  tally::ClientInfo client;
  client.kind = kind;
  client.client_id = client_id;
  client.library = "waybill agent";
  if (kind == tally::TierKind::kCustom) client.group = "agent";
  if (kind == tally::TierKind::kProduced) client.flags = tally::kIdempotent;
  return client;
}

}  // namespace

AuditTrail::AuditTrail(const std::string& topic, const std::string& client_id, client::Identity identity,
                       client::Transport& transport, Now now)
    : recorder_(kBucketMs),
      files_(recorder_.add_client(info(tally::TierKind::kCustom, client_id))),
      producer_(recorder_.add_client(info(tally::TierKind::kProduced, client_id))),
      files_topic_(files_->topic(this, topic.c_str())),
      producer_topic_(producer_->topic(this, topic.c_str())),
      reporter_(recorder_, transport, std::move(identity), client::Schedule{}, now) {
  ASSERT(files_topic_ != nullptr && producer_topic_ != nullptr);
}

void AuditTrail::read(int64_t time_ms, uint64_t bytes, int64_t now_ms) {
  // A file has no offsets of the topic: records are numbered as they are read.
  files_topic_->consumed(PartitionId(0), {Offset(read_++), time_ms, tally::kCreateTime, bytes}, now_ms);
  producer_topic_->sent(time_ms, bytes, now_ms);
}

void AuditTrail::delivered(PartitionId partition, Offset offset, int64_t time_ms, uint64_t bytes,
                           int64_t now_ms) {
  producer_topic_->acked(partition, {offset, time_ms, tally::kCreateTime, bytes}, now_ms - time_ms, now_ms);
}

void AuditTrail::failed(int32_t code, int64_t time_ms, int64_t now_ms) {
  producer_topic_->failed(code, time_ms, tally::kCreateTime, now_ms);
}

void AuditTrail::close(Now now) {
  recorder_.close_client(files_);
  recorder_.close_client(producer_);
  reporter_.close(now);
}

}  // namespace waybill::agent
