#pragma once
// One line that takes part in matching.

#include <cstdint>
#include <string_view>

namespace waybill::ledger {

/// Names as the numbers of a Roster. The id's bytes live as long as the block or batch that they came in.
struct Event {
  /// 128 bits of XXH3 over producer and id, with a secret seed, because ids are chosen by strangers. `tag` is
  /// never 0; `spread` chooses the shard (highest bits) and the cell (lowest).
  uint64_t tag = 0;
  uint64_t spread = 0;
  const char* uid = nullptr;
  uint32_t uid_size = 0;
  uint32_t producer = 0;
  int64_t produce_time = 0;  ///< epoch ms
  int64_t consume_time = 0;  ///< epoch ms; of consume lines
  uint32_t consumer = 0;     ///< among the consumers of its producer; kProduced: the line of a producer
  uint16_t origin = 0;       ///< where the line was logged (Origins); 0: not looked at
  static constexpr uint32_t kProduced = UINT32_MAX;
  bool produced() const { return consumer == kProduced; }
  std::string_view uid_text() const { return {uid, uid_size}; }
};

}  // namespace waybill::ledger
