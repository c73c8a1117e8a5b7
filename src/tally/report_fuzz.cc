// Any bytes give a Report or an error; what decodes is valid and comes back equal from its own bytes.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "tally/report_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace waybill::tally;
  const auto report = decode_report({reinterpret_cast<const char*>(data), size});
  if (!report) {
    ASSERT(!report.error().message.empty());
    return 0;
  }
  ASSERT(check_report(*report).has_value());
  const std::string bytes = encode_report(*report);
  const auto again = decode_report(bytes);
  ASSERT(again.has_value());
  ASSERT(*again == *report);
  ASSERT(encode_report(*again) == bytes);
  ASSERT(report_to_json(*report).find('\n') == std::string::npos);
  for (const Report& part : split_report(Report(*report), 64 * 1024)) ASSERT(check_report(part).has_value());
  return 0;
}
