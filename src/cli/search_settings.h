#pragma once
// What the configuration says of indices at Elasticsearch and OpenSearch.

#include <string>

#include "base/time.h"

namespace waybill::cli {

/// Documents that are read: `source` of a ledger.
struct SearchSource {
  std::string server;  ///< configured under `search`; empty: no such source
  std::string index;
  std::string query;
  std::string time_field = "addDate";
  std::string zone = "UTC";
  Millis since{7'200'000};  ///< how far back reading begins without a position
  Millis late{300'000};
  Millis every{1'000};
  Millis reread{5'000};
};

/// Documents that are written: `index` of a ledger or of the audit.
struct IndexSettings {
  std::string server;  ///< configured under `search`; empty: nothing is written
  std::string alias;
  int keep_days = 30;  ///< 0: for ever
};

}  // namespace waybill::cli
