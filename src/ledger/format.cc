#include "ledger/format.h"

namespace waybill::ledger {
namespace {

using decode::JsonField;
using decode::JsonKind;

bool is_text(const JsonField& field, size_t bytes_max) {
  return field.kind == JsonKind::kText && field.size != 0 && field.size <= bytes_max;
}

bool is_time(const JsonField& field) {
  return field.kind == JsonKind::kInteger && field.integer >= 0 && field.integer <= kTimeMaxMs;
}

}  // namespace

std::string_view fault_text(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "nothing";
    case Fault::kBroken:
      return "not JSON, cut off, not UTF-8, or a number out of range";
    case Fault::kUid:
      return "the id is missing, empty, no text or longer than 1024 bytes";
    case Fault::kProducer:
      return "the producer is missing, empty, no text or longer than 255 bytes";
    case Fault::kConsumer:
      return "the consumer is missing, empty, no text or longer than 255 bytes";
    case Fault::kProduceTime:
      return "the time of producing is missing or no whole number of ms up to the year 9999";
    case Fault::kConsumeTime:
      return "the time of consuming is missing or no whole number of ms up to the year 9999";
    case Fault::kSendStatus:
      return "the status of the send is missing or no whole number";
    case Fault::kNames:
      return "more different producers and consumers than are followed";
    case Fault::kTooLong:
      return "the line is too long";
  }
  return "";
}

Verdict classify(const LineFormat& format, decode::JsonStatus status, const JsonField* fields) {
  if (status == decode::JsonStatus::kNotObject) return {LineKind::kIgnored};
  if (status == decode::JsonStatus::kBroken) return {LineKind::kMalformed, Fault::kBroken};
  const JsonField& type = fields[kType];
  if (type.kind != JsonKind::kText) return {LineKind::kIgnored};
  const bool produce = type.text() == format.produce_type;
  if (!produce && type.text() != format.consume_type) return {LineKind::kIgnored};
  auto malformed = [](Fault fault) { return Verdict{LineKind::kMalformed, fault}; };
  if (!is_text(fields[kUid], kUidBytesMax)) return malformed(Fault::kUid);
  if (!is_text(fields[kProducer], kNameBytesMax)) return malformed(Fault::kProducer);
  if (!is_time(fields[kProduceTime])) return malformed(Fault::kProduceTime);
  if (!produce) {
    if (!is_text(fields[kConsumer], kNameBytesMax)) return malformed(Fault::kConsumer);
    if (!is_time(fields[kConsumeTime])) return malformed(Fault::kConsumeTime);
    return {LineKind::kConsume};
  }
  if (format.status.empty()) return {LineKind::kProduce};
  if (fields[kSendStatus].kind != JsonKind::kInteger) return malformed(Fault::kSendStatus);
  return {fields[kSendStatus].integer == format.sent ? LineKind::kProduce : LineKind::kFailed};
}

}  // namespace waybill::ledger
