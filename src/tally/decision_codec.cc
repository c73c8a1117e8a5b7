// Decision <-> bytes.

#include <limits>
#include <protozero/pbf_builder.hpp>

#include "base/utf8.h"
#include "tally/decision.h"
#include "tally/report.h"
#include "tally/wire.h"

namespace waybill::tally {
namespace {

using wire::Contradiction;
using wire::narrow;

/// Field numbers of the Decision message.
enum class Field : uint32_t {
  kVersion = 101,
  kId = 102,
  kKind = 103,
  kDecidedMs = 104,
  kBy = 105,
  kReason = 106,
  kCluster = 107,
  kTopic = 108,
  kGroup = 109,
  kAuditPartitions = 110,
  kIncarnation = 111,
  kPartitions = 112,
  kToTopic = 113,
  kAgain = 114,
};
enum class Part : uint32_t { kPartition = 1, kRanges = 2, kToPartition = 3, kMoved = 4 };

/// Tag of field 101 as a varint: (101 << 3) | 0 = 808.
constexpr std::string_view kFirstBytes = "\xa8\x06";

void add_text(protozero::pbf_builder<Field>& out, Field field, const std::string& text) {
  if (!text.empty()) out.add_string(field, is_utf8(text) ? text : to_utf8(text));
}

void add_partition(protozero::pbf_builder<Field>& out, const DecidedPartition& p) {
  protozero::pbf_builder<Part> part(out, Field::kPartitions);
  if (p.partition.value != 0) part.add_uint64(Part::kPartition, static_cast<uint64_t>(p.partition.value));
  if (!p.ranges.empty()) {
    protozero::packed_field_uint64 packed(part, static_cast<protozero::pbf_tag_type>(Part::kRanges));
    int64_t end = 0;
    for (const OffsetRange& r : p.ranges) {
      packed.add_element(static_cast<uint64_t>(r.begin.value - end));
      packed.add_element(static_cast<uint64_t>(r.size()));
      end = r.end.value;
    }
  }
  if (p.to_partition.value != 0)
    part.add_uint64(Part::kToPartition, static_cast<uint64_t>(p.to_partition.value));
  if (p.moved.empty()) return;
  protozero::packed_field_uint64 packed(part, static_cast<protozero::pbf_tag_type>(Part::kMoved));
  int64_t end = 0;
  for (const Moved& m : p.moved) {
    packed.add_element(static_cast<uint64_t>(m.range.begin.value - end));
    packed.add_element(static_cast<uint64_t>(m.range.size()));
    packed.add_element(static_cast<uint64_t>(m.to.value));
    end = m.range.end.value;
  }
}

DecidedPartition parse_partition(std::string_view message) {
  DecidedPartition p;
  uint64_t partition = 0, to_partition = 0;
  std::vector<uint64_t> ranges, moved;
  protozero::pbf_reader in(message.data(), message.size());
  while (in.next()) {
    switch (static_cast<Part>(in.tag())) {
      case Part::kPartition:
        wire::take(in, partition);
        break;
      case Part::kRanges:
        wire::take_repeated(in, 2 * kDecisionRangesMax, ranges);
        break;
      case Part::kToPartition:
        wire::take(in, to_partition);
        break;
      case Part::kMoved:
        wire::take_repeated(in, 3 * kDecisionRangesMax, moved);
        break;
      default:
        in.skip();
    }
  }
  p.partition = PartitionId(narrow<int32_t>(partition, "a partition above 2^31 - 1"));
  p.to_partition = PartitionId(narrow<int32_t>(to_partition, "a partition above 2^31 - 1"));
  if (ranges.size() % 2 != 0) throw Contradiction("a range without a length");
  if (moved.size() % 3 != 0) throw Contradiction("a moved range without its new offset");
  int64_t end = 0;
  for (size_t i = 0; i < ranges.size(); i += 2) {
    p.ranges.push_back(wire::next_range(end, ranges[i], ranges[i + 1]));
    end = p.ranges.back().end.value;
  }
  end = 0;
  for (size_t i = 0; i < moved.size(); i += 3) {
    OffsetRange range = wire::next_range(end, moved[i], moved[i + 1]);
    p.moved.push_back({range, Offset(narrow<int64_t>(moved[i + 2], "an offset above 2^63 - 1"))});
    end = range.end.value;
  }
  return p;
}

/// Fields as they were read, before they are known to fit.
struct Raw {
  uint64_t kind = 0, audit_partitions = 0, incarnation = 0, again = 0;
  std::string_view id;
};

void fill(const Raw& raw, Decision& d) {
  if (raw.kind == 0) throw Contradiction("no kind of decision");
  if (raw.kind > static_cast<uint64_t>(DecisionKind::kReplayEnd))
    throw Contradiction("decision kind " + std::to_string(raw.kind) + " is newer than this build",
                        Errc::kUnsupported);
  if (raw.id.size() != d.id.bytes.size()) throw Contradiction("the decision's id is not 16 bytes");
  std::copy(raw.id.begin(), raw.id.end(), d.id.bytes.begin());
  d.kind = static_cast<DecisionKind>(raw.kind);
  d.audit_partitions = narrow<int32_t>(raw.audit_partitions, "audit_partitions above 2^31 - 1");
  d.incarnation = narrow<int64_t>(raw.incarnation, "an incarnation above 2^63 - 1");
  d.again = raw.again != 0;
}

Decision parse(std::string_view bytes) {
  Decision d;
  d.version = 0;
  Raw raw;
  protozero::pbf_reader in(bytes.data(), bytes.size());
  while (in.next()) {
    std::string_view message;
    switch (static_cast<Field>(in.tag())) {
      case Field::kVersion:
        wire::take(in, d.version);
        if (d.version > kDecisionVersion)
          throw Contradiction("decision version " + std::to_string(d.version) + " is newer than this build",
                              Errc::kUnsupported);
        break;
      case Field::kId:
        wire::take_bytes(in, raw.id);
        break;
      case Field::kKind:
        wire::take(in, raw.kind);
        break;
      case Field::kDecidedMs:
        wire::take_signed(in, d.decided_ms);
        break;
      case Field::kBy:
        wire::take_text(in, d.by);
        break;
      case Field::kReason:
        wire::take_text(in, d.reason);
        break;
      case Field::kCluster:
        wire::take_text(in, d.cluster);
        break;
      case Field::kTopic:
        wire::take_text(in, d.topic);
        break;
      case Field::kGroup:
        wire::take_text(in, d.group);
        break;
      case Field::kAuditPartitions:
        wire::take(in, raw.audit_partitions);
        break;
      case Field::kIncarnation:
        wire::take(in, raw.incarnation);
        break;
      case Field::kPartitions:
        if (d.partitions.size() == kDecisionRangesMax)
          throw Contradiction("too many partitions in a decision", Errc::kLimit);
        if (wire::take_message(in, message)) d.partitions.push_back(parse_partition(message));
        break;
      case Field::kToTopic:
        wire::take_text(in, d.to_topic);
        break;
      case Field::kAgain:
        wire::take(in, raw.again);
        break;
      default:
        in.skip();
    }
  }
  fill(raw, d);
  return d;
}

bool sorted(const std::vector<OffsetRange>& ranges) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].empty() || ranges[i].begin.value < 0) return false;
    if (i > 0 && ranges[i].begin <= ranges[i - 1].end) return false;
  }
  return true;
}

bool sorted(const std::vector<Moved>& moved) {
  for (size_t i = 0; i < moved.size(); ++i) {
    const Moved& m = moved[i];
    if (m.range.empty() || m.range.begin.value < 0 || m.to.value < 0) return false;
    if (m.to.value > std::numeric_limits<int64_t>::max() - m.range.size()) return false;
    if (i > 0 && m.range.begin < moved[i - 1].range.end) return false;
  }
  return true;
}

}  // namespace

int64_t Decision::messages() const {
  int64_t n = 0;
  for (const DecidedPartition& p : partitions) {
    for (const OffsetRange& r : p.ranges) n += r.size();
  }
  return n;
}

bool is_decision(std::string_view bytes) { return bytes.starts_with(kFirstBytes); }

std::string encode_decision(const Decision& d) {
  std::string bytes;
  protozero::pbf_builder<Field> out(bytes);
  out.add_uint64(Field::kVersion, d.version);
  out.add_bytes(Field::kId, reinterpret_cast<const char*>(d.id.bytes.data()), d.id.bytes.size());
  out.add_uint64(Field::kKind, static_cast<uint64_t>(d.kind));
  if (d.decided_ms != 0) out.add_sint64(Field::kDecidedMs, d.decided_ms);
  add_text(out, Field::kBy, d.by);
  add_text(out, Field::kReason, d.reason);
  add_text(out, Field::kCluster, d.cluster);
  add_text(out, Field::kTopic, d.topic);
  add_text(out, Field::kGroup, d.group);
  if (d.audit_partitions != 0)
    out.add_uint64(Field::kAuditPartitions, static_cast<uint64_t>(d.audit_partitions));
  if (d.incarnation != 0) out.add_uint64(Field::kIncarnation, static_cast<uint64_t>(d.incarnation));
  for (const DecidedPartition& p : d.partitions) add_partition(out, p);
  add_text(out, Field::kToTopic, d.to_topic);
  if (d.again) out.add_uint64(Field::kAgain, 1);
  return bytes;
}

Result<Decision> decode_decision(std::string_view bytes) {
  if (bytes.size() > kDecisionBytesMax) return fail(Errc::kLimit, "a decision above 512 KiB");
  if (!is_decision(bytes)) return fail(Errc::kCorrupt, "this is no decision");
  return wire::guarded([&]() -> Result<Decision> {
    Decision decision = parse(bytes);
    if (auto fine = check_decision(decision); !fine) return tl::make_unexpected(fine.error());
    return decision;
  });
}

Result<void> check_decision(const Decision& d) {
  auto corrupt = [](std::string what) { return fail(Errc::kCorrupt, "decision: " + std::move(what)); };
  if (d.version > kDecisionVersion) return fail(Errc::kUnsupported, "the decision is of a newer version");
  if (d.version == 0) return corrupt("no version");
  if (d.id == Id128{}) return corrupt("no id");
  if (d.topic.empty() || d.topic.size() > kTopicBytesMax) return corrupt("no topic, or one that is too long");
  if (d.group.empty()) return corrupt("no group");
  if (d.incarnation < 0 || d.audit_partitions < 0) return corrupt("a negative number");
  for (const std::string* text : {&d.by, &d.reason, &d.cluster, &d.group, &d.to_topic}) {
    if (text->size() > kDecisionTextMax) return fail(Errc::kLimit, "decision: a text is too long");
  }
  size_t runs = 0;
  for (const DecidedPartition& p : d.partitions) {
    if (p.partition.value < 0 || p.to_partition.value < 0) return corrupt("a negative partition");
    if (p.ranges.empty() && p.moved.empty()) return corrupt("a partition without ranges");
    if (!sorted(p.ranges)) return corrupt("ranges are empty, overlap or are not in order");
    if (!sorted(p.moved)) return corrupt("moved ranges are empty, overlap or are not in order");
    if (!p.moved.empty() && d.kind != DecisionKind::kReplayEnd)
      return corrupt("moved ranges before they moved");
    runs += p.ranges.size() + p.moved.size();
  }
  if (runs > 2 * kDecisionRangesMax) return fail(Errc::kLimit, "decision: too many ranges");
  if (d.to_topic.empty() == (d.kind != DecisionKind::kAccept))
    return corrupt("a target topic where none belongs, or none");
  return {};
}

}  // namespace waybill::tally
