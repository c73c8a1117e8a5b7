// Any text is a time or has a fault; the parser with a remembered offset agrees with a new one, and a time
// that was read is written and read again as itself.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "decode/timestamps.h"

namespace {

constexpr const char* kFormats[] = {"yyyyMMddHHmmssSSS", "rfc3339",  "iso",
                                    "epoch_s",           "epoch_ms", "yyyy-MM-dd HH:mm:ss"};
constexpr const char* kZones[] = {"Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo",
                                  "Australia/Lord_Howe"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace waybill::decode;
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char* zone = kZones[data[0] % 4];
  const char* format = kFormats[data[0] / 4 % 6];
  static auto warm = [] {
    std::vector<TimeParser> all;
    for (int i = 0; i < 24; ++i) all.push_back(*TimeParser::make(kFormats[i / 4], kZones[i % 4]));
    return all;
  }();
  TimeParser& remembered = warm[static_cast<size_t>(data[0] / 4 % 6 * 4 + data[0] % 4)];
  const ParsedTime time = remembered.parse(text);
  auto fresh = TimeParser::make(format, zone);
  ASSERT(fresh.has_value());
  const ParsedTime again = fresh->parse(text);
  ASSERT(time.fault == again.fault && (time.fault != TimeFault::kNone || time.ms == again.ms));
  if (time.fault == TimeFault::kNone) {
    auto reader = TimeParser::make("rfc3339", "UTC");
    const ParsedTime back = reader->parse(fresh->zone().rfc3339(time.ms));
    // Offsets with seconds (before 1900) cannot be written in RFC 3339.
    ASSERT(time.ms < 0 || (back.fault == TimeFault::kNone && back.ms == time.ms) ||
           time.ms > 253'402'200'000'000);
    const Zone::Day day = fresh->zone().day_of(time.ms / 1000);
    ASSERT(day.start_s <= time.ms / 1000 && time.ms / 1000 < day.end_s);
  }
  (void)TimeParser::make(text, "UTC");
  return 0;
}
