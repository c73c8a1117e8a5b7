#pragma once
// A Kafka cluster inside this process: librdkafka's mock cluster, which speaks the protocol over TCP on
// loopback.

#include <memory>
#include <string>

#include "base/result.h"

namespace waybill::cli {

/// Lives as long as its clients must. Keeps about 5 MB a partition and forgets what is older.
class DemoCluster {
 public:
  static Result<DemoCluster> start();
  Result<void> create_topic(const std::string& name, int partitions);
  std::string bootstrap_servers() const;

 private:
  struct Handles;
  struct Delete {
    void operator()(Handles* handles) const;
  };
  std::unique_ptr<Handles, Delete> handles_;
};

}  // namespace waybill::cli
