#pragma once
// How the logs of producers and consumers are written: which fields of a JSON line mean what.

#include <string>
#include <string_view>
#include <vector>

#include "decode/json_record.h"

namespace waybill::ledger {

/// Names of fields and values. The defaults are the preset `tmm`.
struct LineFormat {
  std::string type = "type";
  std::string produce_type = "tmmProduce";  ///< value of `type` in a producer's line
  std::string consume_type = "tmmConsume";
  std::string uid = "uid";             ///< text
  std::string producer = "producer";   ///< text
  std::string consumer = "consumer";   ///< text; in consumers' lines
  std::string produce_time = "ptime";  ///< epoch ms; in both
  std::string consume_time = "ctime";  ///< epoch ms; in consumers' lines
  std::string status = "st";           ///< in producers' lines; empty: every send succeeded
  int64_t sent = 1;                    ///< the value of `status` that means success
  std::vector<std::string> envelope = {"_source", "message"};  ///< where an exported document keeps the line
};

/// Indices of the schema's fields.
enum FieldIndex : size_t {
  kType,
  kUid,
  kProducer,
  kConsumer,
  kProduceTime,
  kConsumeTime,
  kSendStatus,
  kFieldCount
};

inline decode::JsonSchema schema_of(const LineFormat& f) {
  return {.fields = {f.type, f.uid, f.producer, f.consumer, f.produce_time, f.consume_time,
                     f.status.empty() ? std::string("\x01") : f.status},
          .envelope = f.envelope,
          .pinned = {{kType, f.produce_type}, {kType, f.consume_type}}};
}

/// Longer ids and names make a line malformed.
inline constexpr size_t kUidBytesMax = 1024;
inline constexpr size_t kNameBytesMax = 255;
/// Times outside [0, this] (the end of the year 9999) make a line malformed.
inline constexpr int64_t kTimeMaxMs = 253'402'300'799'999;

enum class LineKind : uint8_t { kProduce, kConsume, kFailed, kIgnored, kMalformed };

/// What is wrong with a malformed line.
enum class Fault : uint8_t {
  kNone,
  kBroken,
  kUid,
  kProducer,
  kConsumer,
  kProduceTime,
  kConsumeTime,
  kSendStatus,
  kNames,
  kTooLong
};

/// For people, e.g. "uid is missing, empty, too long or no text".
std::string_view fault_text(Fault fault);

struct Verdict {
  LineKind kind = LineKind::kIgnored;
  Fault fault = Fault::kNone;
};

/// Judges a line by what the reader or a layout says of it. `fields` in the order of FieldIndex.
Verdict classify(const LineFormat& format, decode::JsonStatus status, const decode::JsonField* fields);

}  // namespace waybill::ledger
