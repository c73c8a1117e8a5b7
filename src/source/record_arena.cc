#include "source/record_arena.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace waybill::source {
namespace {

constexpr size_t kBlock = RecordArena::kBytesMax + (64 << 10);

flow::TimeType time_type(rd_kafka_timestamp_type_t type) {
  if (type == RD_KAFKA_TIMESTAMP_CREATE_TIME) return flow::TimeType::kCreate;
  return type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? flow::TimeType::kAppend : flow::TimeType::kNone;
}

}  // namespace

char* RecordArena::allocate(size_t size) {
  constexpr size_t kAlign = alignof(flow::Header);
  size = (size + kAlign - 1) / kAlign * kAlign;
  bytes_ += size;
  if (size > left_) {
    size_t block = std::max(size, kBlock);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
    at_ = blocks_.back().get();
    left_ = block;
  }
  char* result = at_;
  at_ += size;
  left_ -= size;
  return result;
}

std::string_view RecordArena::copy(const void* bytes, size_t size) {
  if (size == 0) return {};
  char* to = allocate(size);
  std::memcpy(to, bytes, size);
  return {to, size};
}

std::span<const flow::Header> RecordArena::copy_headers(const rd_kafka_headers_t* headers) {
  size_t count = rd_kafka_header_cnt(headers);
  auto* list = reinterpret_cast<flow::Header*>(allocate(count * sizeof(flow::Header)));
  for (size_t i = 0; i < count; ++i) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    rd_kafka_header_get_all(headers, i, &name, &value, &size);
    new (&list[i]) flow::Header{copy(name, std::strlen(name)), copy(value, value ? size : 0)};
  }
  return {list, count};
}

void RecordArena::add(PartitionState* partition, const rd_kafka_message_t& message) {
  flow::Record record;
  record.offset = Offset(message.offset);
  rd_kafka_timestamp_type_t type;
  int64_t time_ms = rd_kafka_message_timestamp(&message, &type);
  record.time_type = time_ms < 0 ? flow::TimeType::kNone : time_type(type);
  record.time_ms = record.time_type == flow::TimeType::kNone ? 0 : time_ms;
  record.has_key = message.key != nullptr;
  record.has_value = message.payload != nullptr;
  record.key = copy(message.key, message.key_len);
  record.value = copy(message.payload, message.payload ? message.len : 0);
  rd_kafka_headers_t* headers = nullptr;
  if (headers_ && rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    record.headers = copy_headers(headers);
  }
  if (runs_.empty() || runs_.back().partition != partition || runs_.back().gap) {
    runs_.push_back({partition, records_.size(), 0, record.offset});
  }
  records_.push_back(record);
  ++runs_.back().count;
  runs_.back().next = record.offset + 1;
}

void RecordArena::add_mark(PartitionState* partition, Offset next, std::optional<flow::Gap> gap) {
  if (!gap && !runs_.empty() && runs_.back().partition == partition && !runs_.back().gap) {
    runs_.back().next = next;
    return;
  }
  runs_.push_back({partition, records_.size(), 0, next, gap});
}

const Run* RecordArena::take() {
  while (taken_ < runs_.size()) {
    const Run& run = runs_[taken_++];
    if (run.partition) return &run;
  }
  return nullptr;
}

bool RecordArena::drop(const PartitionState* partition) {
  bool any = false;
  for (size_t i = taken_; i < runs_.size(); ++i) {
    if (runs_[i].partition != partition) continue;
    runs_[i].partition = nullptr;
    any = true;
  }
  return any;
}

void RecordArena::clear() {
  records_.clear();
  runs_.clear();
  taken_ = 0;
  bytes_ = 0;
  if (blocks_.size() > 1) blocks_.resize(1);
  at_ = blocks_.empty() ? nullptr : blocks_.front().get();
  left_ = blocks_.empty() ? 0 : kBlock;
}

}  // namespace waybill::source
