// Any bytes give a Decision or an error; what decodes is valid and comes back equal from its own bytes.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "tally/decision.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace waybill::tally;
  const auto decision = decode_decision({reinterpret_cast<const char*>(data), size});
  if (!decision) {
    ASSERT(!decision.error().message.empty());
    return 0;
  }
  ASSERT(check_decision(*decision).has_value());
  const std::string bytes = encode_decision(*decision);
  ASSERT(is_decision(bytes));
  // Foreign bytes may spell the same ranges in more space than ours; never the other way round.
  const auto again = decode_decision(bytes);
  if (!again) {
    ASSERT(bytes.size() > kDecisionBytesMax);
    return 0;
  }
  ASSERT(*again == *decision);
  ASSERT(encode_decision(*again) == bytes);
  ASSERT(again->messages() >= 0);
  return 0;
}
