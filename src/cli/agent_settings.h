#pragma once
// What `agent:` says, as part of the Config.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "cli/values.h"
#include "source/file_follower.h"

namespace waybill::cli {

struct AgentConfig {
  bool present = false;
  std::string cluster;  ///< name in Config::clusters
  std::string topic;
  std::string key;                                           ///< JSON field; empty: no keys
  std::vector<std::pair<std::string, std::string>> headers;  ///< the same for every record
  std::string host_header = "host";                          ///< carries the machine's name; empty: none
  std::string host;                                          ///< instead of the machine's own name
  std::string state = "waybill-agent.state";
  source::FollowOptions follow;
  int64_t in_flight_bytes = 2 << 20;
  Millis save_every{1'000};
  Millis status_every{60'000};  ///< a line in the log; 0 = none
  bool audited = true;
  std::string audit_topic = "waybill-reports";
  std::optional<Address> metrics{};  ///< a loopback address; nullopt: none are served
};

}  // namespace waybill::cli
