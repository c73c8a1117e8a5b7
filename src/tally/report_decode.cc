// Bytes -> Report. Two passes over the top-level fields: the first reads the header, the topics and how many
// there are of each kind, so that memory is known before it is taken; the second reads the rest and resolves
// topics.

#include <algorithm>
#include <array>
#include <limits>
#include <protozero/pbf_reader.hpp>

#include "base/utf8.h"
#include "tally/report_codec.h"
#include "tally/report_fields.h"
#include "tally/wire.h"

namespace waybill::tally {
namespace {

using protozero::pbf_reader;
using wire::Contradiction;
using wire::narrow;
using wire::take;
using wire::take_bytes;
using wire::take_message;
using wire::take_signed;
using wire::take_text;

/// Calls fn(field, reader) for each field; fn must consume it.
template <class Field, class Fn>
void for_each_field(std::string_view bytes, Fn fn) {
  pbf_reader in(bytes.data(), bytes.size());
  while (in.next()) fn(static_cast<Field>(in.tag()), in);
}

void take_kind(pbf_reader& in, TierKind& out) {
  uint64_t kind = static_cast<uint64_t>(out);
  take(in, kind);
  if (kind == 0) throw Contradiction("no tier");
  if (kind > static_cast<uint64_t>(TierKind::kCustom)) {
    throw Contradiction("tier " + std::to_string(kind) + " is newer than this build", Errc::kUnsupported);
  }
  out = static_cast<TierKind>(kind);
}

void take_bucket_kind(pbf_reader& in, BucketKind& out) {
  uint64_t kind = static_cast<uint64_t>(out);
  take(in, kind);
  if (kind > static_cast<uint64_t>(BucketKind::kUntimed)) {
    throw Contradiction("bucket kind " + std::to_string(kind) + " is newer than this build",
                        Errc::kUnsupported);
  }
  out = static_cast<BucketKind>(kind);
}

/// offset + 1 -> offset; 0 -> -1.
void take_offset(pbf_reader& in, Offset& out) {
  uint64_t above = static_cast<uint64_t>(out.value) + 1;
  take(in, above);
  if (above > uint64_t{1} << 63) throw Contradiction("an offset above 2^63 - 1");
  out = Offset(static_cast<int64_t>(above - 1));
}

/// No tier was written: enums have no valid default in the format.
constexpr auto kNoKind = static_cast<TierKind>(0);

class ReportParser {
 public:
  explicit ReportParser(std::string_view bytes) : bytes_(bytes) {}

  Report parse() {
    parse_header();
    if (report_.version > kReportVersion) return std::move(report_);  // the caller says what is wrong with it
    reserve();
    for_each_field<fields::Report>(bytes_, [this](fields::Report field, pbf_reader& in) {
      std::string_view message;
      if (!take_message(in, message)) return;
      if (field == fields::Report::kClients) return parse_client(message);
      if (field == fields::Report::kEntries) return parse_entry(message);
      if (field == fields::Report::kCoverage) return parse_coverage(message);
      if (field == fields::Report::kPositions) return parse_position(message);
      if (field == fields::Report::kRates) return parse_rate(message);
      if (field == fields::Report::kDropped) return parse_dropped(message);
    });
    return std::move(report_);
  }

 private:
  void parse_header();
  void parse_topic(pbf_reader& in);
  void reserve();
  void parse_client(std::string_view message);
  void parse_entry(std::string_view message);
  void parse_failed(std::string_view message, Bucket& bucket);
  void parse_coverage(std::string_view message);
  void parse_runs(CoverageChunk& chunk);
  void parse_position(std::string_view message);
  void parse_rate(std::string_view message);
  void parse_dropped(std::string_view message);

  const std::string& topic(uint32_t index) {
    if (index >= topics_.size()) throw Contradiction("a topic index above the topic table");
    spend(topics_[index].size());
    return topics_[index];
  }
  /// Counts memory against kReportMemoryMax.
  void spend(size_t bytes) {
    spent_ += bytes;
    if (spent_ > kReportMemoryMax)
      throw Contradiction("the report would take more than 64 MiB of memory", Errc::kLimit);
  }

  size_t count(fields::Report field) const { return counts_[static_cast<size_t>(field)]; }

  const std::string_view bytes_;
  Report report_;
  std::vector<std::string> topics_;
  std::array<size_t, static_cast<size_t>(fields::Report::kDropped) + 1> counts_{};  // by field
  size_t spent_ = 0;
  std::vector<uint64_t> seen_;  // scratch of parse_coverage
  std::vector<uint64_t> again_;
  std::vector<uint64_t> reordered_;
};

void ReportParser::parse_header() {
  using F = fields::Report;
  report_.version = 0;
  report_.bucket_ms = 0;
  uint64_t closed = 0;
  uint64_t bucket_ms = 0;
  uint64_t audit_partitions = 0;
  std::string_view reporter;
  for_each_field<F>(bytes_, [&](F field, pbf_reader& in) {
    if (field <= F::kDropped) ++counts_[static_cast<size_t>(field)];
    if (field == F::kVersion) return take(in, report_.version);
    if (field == F::kReporter) return take_bytes(in, reporter);
    if (field == F::kNumber) return take(in, report_.number.value);
    if (field == F::kFromMs) return take_signed(in, report_.from_ms);
    if (field == F::kCompleteUpToMs) return take_signed(in, report_.complete_up_to_ms);
    if (field == F::kClosed) return take(in, closed);
    if (field == F::kClusterId) return take_text(in, report_.cluster_id);
    if (field == F::kDataCenter) return take_text(in, report_.data_center);
    if (field == F::kHost) return take_text(in, report_.host);
    if (field == F::kIp) return take_text(in, report_.ip);
    if (field == F::kService) return take_text(in, report_.service);
    if (field == F::kPid) return take(in, report_.pid);
    if (field == F::kBucketMs) return take(in, bucket_ms);
    if (field == F::kAuditPartitions) return take(in, audit_partitions);
    if (field == F::kTopics) return parse_topic(in);
    in.skip();
  });
  if (report_.version > kReportVersion) return;
  if (reporter.size() != report_.reporter.bytes.size())
    throw Contradiction("the reporter id is not 16 bytes");
  std::copy(reporter.begin(), reporter.end(), report_.reporter.bytes.begin());
  report_.closed = closed != 0;
  report_.bucket_ms = narrow<int64_t>(bucket_ms, "bucket_ms above 2^63 - 1");
  report_.audit_partitions = narrow<int32_t>(audit_partitions, "audit_partitions above 2^31 - 1");
}

void ReportParser::parse_topic(pbf_reader& in) {
  std::string_view topic;
  if (!take_message(in, topic)) return;
  spend(sizeof(std::string) + topic.size());
  topics_.push_back(is_utf8(topic) ? std::string(topic) : to_utf8(topic));
}

void ReportParser::reserve() {
  using F = fields::Report;
  spend(count(F::kClients) * sizeof(ClientInfo) + count(F::kEntries) * sizeof(Entry) +
        count(F::kCoverage) * sizeof(CoverageChunk) + count(F::kPositions) * sizeof(Position) +
        count(F::kRates) * sizeof(Rate));
  report_.clients.reserve(count(F::kClients));
  report_.entries.reserve(count(F::kEntries));
  report_.coverage.reserve(count(F::kCoverage));
  report_.positions.reserve(count(F::kPositions));
  report_.rates.reserve(count(F::kRates));
}

void ReportParser::parse_client(std::string_view message) {
  using F = fields::Client;
  ClientInfo& client = report_.clients.emplace_back();
  client.kind = kNoKind;
  for_each_field<F>(message, [&](F field, pbf_reader& in) {
    if (field == F::kRef) return take(in, client.ref);
    if (field == F::kClientId) return take_text(in, client.client_id);
    if (field == F::kKind) return take_kind(in, client.kind);
    if (field == F::kGroup) return take_text(in, client.group);
    if (field == F::kInstance) return take_text(in, client.instance);
    if (field == F::kFlags) return take(in, client.flags);
    if (field == F::kLibrary) return take_text(in, client.library);
    in.skip();
  });
  if (client.kind == kNoKind) throw Contradiction("no tier");
  spend(message.size());
}

void ReportParser::parse_entry(std::string_view message) {
  using F = fields::Entry;
  Entry& entry = report_.entries.emplace_back();
  Bucket& bucket = entry.bucket;
  uint32_t topic_index = 0;
  uint32_t time_types = 0;
  std::string_view latency;
  entry.tier.kind = kNoKind;
  for_each_field<F>(message, [&](F field, pbf_reader& in) {
    if (field == F::kClient) return take(in, entry.client);
    if (field == F::kTier) return take_kind(in, entry.tier.kind);
    if (field == F::kTierName) return take_text(in, entry.tier.name);
    if (field == F::kTopic) return take(in, topic_index);
    if (field == F::kBucket) return take_bucket_kind(in, bucket.label.kind);
    if (field == F::kStartMs) return take_signed(in, bucket.label.start.value);
    if (field == F::kTimeTypes) return take(in, time_types);
    if (field == F::kCount) return take(in, bucket.count);
    if (field == F::kBytes) return take(in, bucket.bytes);
    if (field == F::kUnknown) return take(in, bucket.unknown);
    if (field == F::kOffsetUnknown) return take(in, bucket.offset_unknown);
    if (field == F::kFailed) {
      std::string_view failed;
      if (take_message(in, failed)) parse_failed(failed, bucket);
      return;
    }
    if (field == F::kLatency) return take_bytes(in, latency);
    in.skip();
  });
  if (entry.tier.kind == kNoKind) throw Contradiction("no tier");
  entry.topic = topic(topic_index);
  bucket.time_types = static_cast<uint8_t>(time_types & (kCreateTime | kAppendTime));
  auto sketch = LatencySketch::decode(latency);
  if (!sketch) throw Contradiction(sketch.error().message, sketch.error().code);
  bucket.latency = *std::move(sketch);
  spend(message.size() + latency.size() * sizeof(LatencySketch::Cell) / 2);
}

void ReportParser::parse_failed(std::string_view message, Bucket& bucket) {
  using F = fields::Failed;
  uint64_t code = 0;
  uint64_t count = 0;
  for_each_field<F>(message, [&](F field, pbf_reader& in) {
    if (field == F::kCode) return take(in, code);
    if (field == F::kCount) return take(in, count);
    in.skip();
  });
  if (count == 0) throw Contradiction("0 failed sends of a code");
  const int32_t key = protozero::decode_zigzag32(narrow<uint32_t>(code, "an error code beyond 32 bits"));
  if (!bucket.failed.emplace(key, count).second) throw Contradiction("one error code twice in an entry");
  constexpr size_t kMapNode = 64;
  spend(kMapNode);
}

void ReportParser::parse_coverage(std::string_view message) {
  using F = fields::Coverage;
  CoverageChunk& chunk = report_.coverage.emplace_back();
  uint32_t topic_index = 0;
  uint64_t partition = 0;
  chunk.tier.kind = kNoKind;
  seen_.clear();
  again_.clear();
  reordered_.clear();
  for_each_field<F>(message, [&](F field, pbf_reader& in) {
    if (field == F::kClient) return take(in, chunk.client);
    if (field == F::kTier) return take_kind(in, chunk.tier.kind);
    if (field == F::kTierName) return take_text(in, chunk.tier.name);
    if (field == F::kTopic) return take(in, topic_index);
    if (field == F::kPartition) return take(in, partition);
    if (field == F::kBucket) return take_bucket_kind(in, chunk.label.kind);
    if (field == F::kStartMs) return take_signed(in, chunk.label.start.value);
    if (field == F::kSession) return take(in, chunk.session);
    if (field == F::kSeen) return wire::take_repeated(in, message.size(), seen_);
    if (field == F::kAgain) return wire::take_repeated(in, message.size(), again_);
    if (field == F::kReordered) return wire::take_repeated(in, message.size(), reordered_);
    in.skip();
  });
  if (chunk.tier.kind == kNoKind) throw Contradiction("no tier");
  chunk.topic = topic(topic_index);
  chunk.partition = PartitionId(narrow<int32_t>(partition, "a partition above 2^31 - 1"));
  spend(message.size());
  parse_runs(chunk);
}

/// REQUIRES: an even number of varints.
void take_ranges(const std::vector<uint64_t>& pairs, std::vector<OffsetRange>& out) {
  out.reserve(pairs.size() / 2);
  int64_t previous_end = 0;
  for (size_t i = 0; i < pairs.size(); i += 2) {
    out.push_back(wire::next_range(previous_end, pairs[i], pairs[i + 1]));
    previous_end = out.back().end.value;
  }
}

void ReportParser::parse_runs(CoverageChunk& chunk) {
  if (seen_.size() % 2 != 0) throw Contradiction("a gap without a length in `seen`");
  if (reordered_.size() % 2 != 0) throw Contradiction("a gap without a length in `reordered`");
  if (again_.size() % 3 != 0) throw Contradiction("an unfinished triple in `again`");
  spend((seen_.size() + reordered_.size()) / 2 * sizeof(OffsetRange) + again_.size() / 3 * sizeof(Repeat));
  take_ranges(seen_, chunk.seen);
  take_ranges(reordered_, chunk.reordered);
  chunk.again.reserve(again_.size() / 3);
  int64_t previous_end = 0;
  for (size_t i = 0; i < again_.size(); i += 3) {
    chunk.again.push_back({wire::next_range(previous_end, again_[i], again_[i + 1]), again_[i + 2]});
    previous_end = chunk.again.back().range.end.value;
  }
}

void ReportParser::parse_position(std::string_view message) {
  using F = fields::Position;
  Position& position = report_.positions.emplace_back();
  uint32_t topic_index = 0;
  uint64_t partition = 0;
  for (Offset* offset : {&position.session_first, &position.next, &position.high, &position.committed}) {
    *offset = Offset(-1);
  }
  for_each_field<F>(message, [&](F field, pbf_reader& in) {
    if (field == F::kClient) return take(in, position.client);
    if (field == F::kTopic) return take(in, topic_index);
    if (field == F::kPartition) return take(in, partition);
    if (field == F::kSession) return take(in, position.session);
    if (field == F::kSessionFirst) return take_offset(in, position.session_first);
    if (field == F::kNext) return take_offset(in, position.next);
    if (field == F::kHigh) return take_offset(in, position.high);
    if (field == F::kCommitted) return take_offset(in, position.committed);
    if (field == F::kLastTimeMs) return take_signed(in, position.last_time_ms);
    in.skip();
  });
  position.topic = topic(topic_index);
  position.partition = PartitionId(narrow<int32_t>(partition, "a partition above 2^31 - 1"));
}

void ReportParser::parse_rate(std::string_view message) {
  using F = fields::Rate;
  Rate& rate = report_.rates.emplace_back();
  uint32_t topic_index = 0;
  rate.tier.kind = kNoKind;
  for_each_field<F>(message, [&](F field, pbf_reader& in) {
    if (field == F::kClient) return take(in, rate.client);
    if (field == F::kTier) return take_kind(in, rate.tier.kind);
    if (field == F::kTierName) return take_text(in, rate.tier.name);
    if (field == F::kTopic) return take(in, topic_index);
    if (field == F::kMinuteMs) return take_signed(in, rate.minute_ms);
    if (field == F::kCount) return take(in, rate.count);
    if (field == F::kBytes) return take(in, rate.bytes);
    in.skip();
  });
  if (rate.tier.kind == kNoKind) throw Contradiction("no tier");
  rate.topic = topic(topic_index);
  spend(message.size());
}

void ReportParser::parse_dropped(std::string_view message) {
  using F = fields::Dropped;
  for_each_field<F>(message, [&](F field, pbf_reader& in) {
    if (field == F::kMessages) return take(in, report_.dropped.messages);
    if (field == F::kCoverage) return take(in, report_.dropped.coverage);
    if (field == F::kTopics) return take(in, report_.dropped.topics);
    in.skip();
  });
}

}  // namespace

Result<Report> decode_report(std::string_view bytes) {
  if (bytes.size() > 2 * kReportBytesMax) {
    return fail(Errc::kLimit, "a report of " + std::to_string(bytes.size()) + " bytes; at most " +
                                  std::to_string(2 * kReportBytesMax) + " are read");
  }
  return wire::guarded([&]() -> Result<Report> {
    Report report = ReportParser(bytes).parse();
    if (auto checked = check_report(report); !checked) return tl::make_unexpected(std::move(checked).error());
    return report;
  });
}

}  // namespace waybill::tally
