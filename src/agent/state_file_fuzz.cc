// Any bytes as the agent's state: refused, or what is read is written again and read as the same.

#include <cstdint>
#include <cstdlib>

#include "agent/state_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto files = waybill::agent::read_state({reinterpret_cast<const char*>(data), size});
  if (!files) return 0;
  const std::string text = waybill::agent::write_state(*files);
  const auto again = waybill::agent::read_state(text);
  if (!again || again->size() != files->size() || waybill::agent::write_state(*again) != text) std::abort();
  return 0;
}
