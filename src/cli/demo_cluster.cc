#include "cli/demo_cluster.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>

namespace waybill::cli {

struct DemoCluster::Handles {
  rd_kafka_t* client = nullptr;
  rd_kafka_mock_cluster_t* cluster = nullptr;
};

void DemoCluster::Delete::operator()(Handles* handles) const {
  if (handles->cluster) rd_kafka_mock_cluster_destroy(handles->cluster);
  if (handles->client) rd_kafka_destroy(handles->client);
  delete handles;
}

Result<DemoCluster> DemoCluster::start() {
  constexpr int kBrokers = 1;
  DemoCluster demo;
  demo.handles_.reset(new Handles);
  std::array<char, 512> reason{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
  demo.handles_->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason.data(), reason.size());
  if (!demo.handles_->client) {
    rd_kafka_conf_destroy(conf);
    return fail(Errc::kUnavailable, fmt::format("the embedded cluster does not start: {}", reason.data()));
  }
  demo.handles_->cluster = rd_kafka_mock_cluster_new(demo.handles_->client, kBrokers);
  if (!demo.handles_->cluster) return fail(Errc::kUnavailable, "the embedded cluster does not start");
  return demo;
}

Result<void> DemoCluster::create_topic(const std::string& name, int partitions) {
  rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(handles_->cluster, name.c_str(), partitions, 1);
  if (code) return fail(Errc::kUnavailable, fmt::format("topic {}: {}", name, rd_kafka_err2str(code)));
  return {};
}

std::string DemoCluster::bootstrap_servers() const {
  return rd_kafka_mock_cluster_bootstraps(handles_->cluster);
}

}  // namespace waybill::cli
