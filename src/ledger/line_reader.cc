#include "ledger/line_reader.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "base/utf8.h"
#include "ledger/name_cache.h"
#include "ledger/roster.h"

namespace waybill::ledger {

using decode::JsonField;
using decode::JsonStatus;

void BlockEvents::clear(size_t shard_count) {
  shards.resize(shard_count);
  for (auto& shard : shards) shard.clear();
  counts = {};
  malformed.clear();
  resolved.clear();
}

struct LineReader::Impl {
  struct Producer {
    uint32_t number = Roster::kUnknown;
    uint64_t seed = 0;
  };

  Impl(ReaderOptions wanted, ResolveName resolver)
      : options(std::move(wanted)),
        resolve(std::move(resolver)),
        schema(schema_of(options.format)),
        reader(schema),
        layouts(schema),
        rows(kFieldCount, std::max<size_t>(1, options.batch_lines)) {}

  ReaderOptions options;
  ResolveName resolve;
  decode::JsonSchema schema;
  decode::JsonReader reader;
  decode::JsonLayouts layouts;
  decode::JsonRows rows;
  NameCache<Producer> producers{};
  NameCache<uint32_t> consumers{};

  struct Line {
    const char* begin;
    const char* end;  ///< null: not looked for yet
  };

  void read_block(std::string_view block, BlockEvents& out) {
    const char* end = block.data() + block.size();
    for (const char* at = block.data(); at != end;) {
      if (!options.plain) {
        at = layouts.scan(at, end, rows);
        for (size_t i = 0; i < rows.size(); ++i)
          take({rows.line(i), nullptr}, rows.status(i), rows.fields(i), end, false, out);
        if (at == end || rows.full()) continue;
      }
      at = read_plainly(at, end, out);
    }
  }

  /// Reads the line at `at` and returns where the next one begins.
  const char* read_plainly(const char* at, const char* end, BlockEvents& out) {
    const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    const char* to = newline ? newline : end;
    const char* next = newline ? newline + 1 : end;
    if (newline && to != at && to[-1] == '\r') --to;
    read_line({at, static_cast<size_t>(to - at)}, out);
    return next;
  }

  void read_line(std::string_view line, BlockEvents& out) {
    std::array<JsonField, kFieldCount> fields;
    const JsonStatus status = reader.read(line, fields);
    take({line.data(), line.data() + line.size()}, status, fields.data(), nullptr, true, out);
    if (!options.plain) layouts.learn(line, status);
  }

  void take(Line line, JsonStatus status, const JsonField* fields, const char* block_end, bool copied,
            BlockEvents& out) {
    ++out.counts.lines;
    Verdict verdict = classify(options.format, status, fields);
    if (verdict.kind == LineKind::kProduce || verdict.kind == LineKind::kConsume)
      verdict = add_event(verdict.kind, fields, copied, out);
    if (verdict.kind == LineKind::kFailed) ++out.counts.failed;
    if (verdict.kind == LineKind::kIgnored) ++out.counts.ignored;
    if (verdict.kind == LineKind::kMalformed) [[unlikely]]
      note_malformed(line, verdict.fault, block_end, out);
  }

  void note_malformed(Line line, Fault fault, const char* block_end, BlockEvents& out) {
    ++out.counts.malformed;
    if (out.malformed.size() >= options.malformed_max) return;
    if (line.end == nullptr) line.end = std::find(line.begin, block_end, '\n');
    const std::string_view text(line.begin, std::min<size_t>(static_cast<size_t>(line.end - line.begin),
                                                             MalformedLine::kSampleBytes));
    out.malformed.push_back({out.counts.lines - 1, fault, to_utf8(text)});
  }

  const Producer& producer_of(std::string_view name) {
    return producers.find(0, name, [&](std::string_view missing) {
      return Producer{resolve(Event::kProduced, missing),
                      XXH3_64bits_withSeed(missing.data(), missing.size(), options.seed)};
    });
  }

  Verdict add_event(LineKind kind, const JsonField* fields, bool copied, BlockEvents& out) {
    if (fields[kProduceTime].integer < options.produced_from) return {LineKind::kIgnored};
    const Producer& producer = producer_of(fields[kProducer].text());
    if (producer.number == Roster::kUnknown) return {LineKind::kIgnored};
    if (producer.number == Roster::kFull) return {LineKind::kMalformed, Fault::kNames};
    Event event;
    event.producer = producer.number;
    event.consumer = Event::kProduced;
    event.produce_time = fields[kProduceTime].integer;
    if (kind == LineKind::kConsume) {
      event.consumer = consumers.find(producer.number, fields[kConsumer].text(),
                                      [&](std::string_view name) { return resolve(producer.number, name); });
      if (event.consumer == Roster::kUnknown) return {LineKind::kIgnored};
      if (event.consumer == Roster::kFull) return {LineKind::kMalformed, Fault::kNames};
      event.consume_time = fields[kConsumeTime].integer;
    }
    std::string_view uid = fields[kUid].text();
    const XXH128_hash_t hash = XXH3_128bits_withSeed(uid.data(), uid.size(), producer.seed);
    if (copied) uid = *out.resolved.emplace_back(std::make_unique<std::string>(uid));
    event.tag = hash.low64 | (hash.low64 == 0);
    event.spread = hash.high64;
    event.uid = uid.data();
    event.uid_size = static_cast<uint32_t>(uid.size());
    const size_t shard = options.shard_bits == 0 ? 0 : event.spread >> (64 - options.shard_bits);
    out.shards[shard].push_back(event);
    return {kind};
  }
};

LineReader::LineReader(ReaderOptions options, ResolveName resolve)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(resolve))) {}
LineReader::~LineReader() = default;

void LineReader::read_block(std::string_view block, BlockEvents& out) { impl_->read_block(block, out); }
void LineReader::read_line(std::string_view line, BlockEvents& out) { impl_->read_line(line, out); }

}  // namespace waybill::ledger
