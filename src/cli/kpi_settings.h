#pragma once
// What `kpis:` says, as part of the Config.

#include <string>
#include <vector>

#include "base/time.h"
#include "kpi/definition.h"

namespace waybill::cli {

struct KpiConfig {
  std::vector<kpi::Definition> definitions;  ///< in the order of the file
  std::string group = "waybill-kpi";         ///< consumer group
  /// Where ids of steps meet: one Task a partition number (topics keyed by the id), or one over all of them.
  enum class Ids { kPartition, kWhole } ids = Ids::kPartition;
  std::string host_header = "host";  ///< record header that names the agent's host
  int32_t agents_expected = 0;       ///< 0 = as many as were ever seen
  Millis agent_silent{60'000};
};

}  // namespace waybill::cli
