#include "source/record_arena.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace waybill::source {
namespace {

constexpr size_t kBlock = RecordArena::kBytesMax + (64 << 10);

flow::TimeType time_type(rd_kafka_timestamp_type_t type) {
  if (type == RD_KAFKA_TIMESTAMP_CREATE_TIME) return flow::TimeType::kCreate;
  return type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? flow::TimeType::kAppend : flow::TimeType::kNone;
}

}  // namespace

char* RecordArena::Region::allocate(size_t size) {
  used_ += size;
  if (size + flow::kLinePadding > left_) {
    const size_t block = std::max(size + flow::kLinePadding, kBlock);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
    at_ = blocks_.back().get();
    left_ = block;
  }
  left_ -= size;
  return std::exchange(at_, at_ + size);
}

std::string_view RecordArena::Region::copy(const void* bytes, size_t size) {
  if (size == 0) return {};
  char* to = allocate(size);
  std::memcpy(to, bytes, size);
  return {to, size};
}

void RecordArena::Region::clear() {
  if (blocks_.size() > 1) blocks_.resize(1);
  at_ = blocks_.empty() ? nullptr : blocks_.front().get();
  left_ = blocks_.empty() ? 0 : kBlock;
  used_ = 0;
}

std::string_view RecordArena::copy_line(std::string_view line) {
  const bool add = !line.ends_with('\n');
  char* to = values_.allocate(line.size() + add);
  std::memcpy(to, line.data(), line.size());
  if (add) to[line.size()] = '\n';
  return {to, line.size()};
}

std::span<const flow::Header> RecordArena::copy_headers(const rd_kafka_headers_t* headers) {
  const size_t count = rd_kafka_header_cnt(headers);
  size_t room = count * sizeof(flow::Header) + alignof(flow::Header);
  void* at = rest_.allocate(room);
  auto* list =
      static_cast<flow::Header*>(std::align(alignof(flow::Header), count * sizeof(flow::Header), at, room));
  for (size_t i = 0; i < count; ++i) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    rd_kafka_header_get_all(headers, i, &name, &value, &size);
    new (&list[i]) flow::Header{rest_.copy(name, std::strlen(name)), rest_.copy(value, value ? size : 0)};
  }
  return {list, count};
}

/// The run that takes the record. Lines of one run stand side by side.
Run& RecordArena::run_for(PartitionState* partition, const flow::Record& record, bool line) {
  if (!runs_.empty()) {
    Run& run = runs_.back();
    const bool joins = line ? run.lines.data() + run.lines.size() == record.value.data() : run.lines.empty();
    if (run.partition == partition && !run.gap && (run.count == 0 || joins)) return run;
  }
  return runs_.emplace_back(Run{partition, records_.size(), 0, record.offset});
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
  const std::string_view value(static_cast<const char*>(message.payload), message.payload ? message.len : 0);
  const bool line = wanted_.lines && record.has_value && flow::is_one_line(value);
  record.value = line ? copy_line(value) : values_.copy(value.data(), value.size());
  record.key = rest_.copy(message.key, message.key_len);
  rd_kafka_headers_t* headers = nullptr;
  if (wanted_.headers && rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    record.headers = copy_headers(headers);
  }
  Run& run = run_for(partition, record, line);
  if (line) {
    const char* first = run.lines.empty() ? record.value.data() : run.lines.data();
    run.lines = {first, run.lines.size() + value.size() + !value.ends_with('\n')};
  }
  records_.push_back(record);
  ++run.count;
  run.next = record.offset + 1;
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
  values_.clear();
  rest_.clear();
}

}  // namespace waybill::source
