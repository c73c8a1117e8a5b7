#pragma once
// What the configuration says of ledgers.

#include <string>
#include <vector>

#include "base/time.h"
#include "cli/search_settings.h"
#include "ledger/format.h"
#include "ledger/roster.h"

namespace waybill::cli {

/// Where `waybill run` reads a ledger's lines.
struct LedgerSource {
  std::string cluster;  ///< configured under `clusters`; empty: no Kafka source
  std::vector<std::string> topics;
  std::string group;     ///< consumer group; default "waybill-ledger-" and the ledger's name
  bool aligned = false;  ///< the topics are keyed by the message's id and have equal partition counts
  SearchSource search;   ///< or an index
};

/// One ledger: an entry of `ledgers`.
struct LedgerSettings {
  std::string name;
  std::vector<ledger::ProducerName> producers;
  bool discover = false;  ///< names that are not listed are followed too; true when none is listed
  LedgerSource source;
  Millis deadline{600'000};
  Millis horizon{7'200'000};
  Millis bucket{60'000};
  ledger::LineFormat format;
  IndexSettings index;  ///< one document per message and consumer goes there
};

}  // namespace waybill::cli
