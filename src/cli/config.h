#pragma once
// The configuration file: what it may say, and every fault of it with its place. docs/configuration.md
// describes each key.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/collector.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/agent_settings.h"
#include "cli/alert_settings.h"
#include "cli/kpi_settings.h"
#include "cli/ledger_settings.h"
#include "cli/redis_settings.h"
#include "cli/values.h"
#include "cli/watch_settings.h"
#include "cli/yaml.h"
#include "flow/store.h"
#include "http/server.h"
#include "search/connection.h"

namespace waybill::cli {

/// A project of Aliyun SLS, whose Kafka endpoint is the cluster and whose logstores are its topics.
struct SlsPlace {
  std::string project;
  std::vector<std::string> logstores;
};

struct ClusterConfig {
  std::string name;
  std::vector<std::pair<std::string, std::string>> properties;  ///< of librdkafka; secrets included
  std::optional<SlsPlace> sls = std::nullopt;
};

/// What was named as a source and cannot be read.
struct SourcesConfig {
  std::vector<Diagnostic> skipped;  ///< `waybill check` fails with these, `waybill run` leaves them out
  std::vector<std::string> known;   ///< projects of `sls:`, those that were left out too
};

struct AuditConfig {
  std::vector<std::string> clusters;  ///< names in Config::clusters; empty = nothing is audited
  std::string group = "waybill";
  std::string topic = "waybill-reports";
  int32_t partitions = 16;  ///< of the topic; a topic with another count is refused
  Millis bucket{60'000};
  Millis grace{10'000};
  Millis vanished{10'000};
  Millis commit_every{200};
  int64_t commit_bytes = 64 << 20;
  std::vector<std::string> include_groups;  ///< empty = all
  std::vector<std::string> exclude_groups;
  Millis owes{24LL * 3'600'000};  ///< what a group has left for so long it owes no more
  int32_t topics_max = 1'000;
  int32_t groups_max = 100;
  int32_t reporters_max = 10'000;
  int64_t ranges_max = 1'000'000;
  audit::VerifyOptions verify;
  IndexSettings index;  ///< figures of hops go there
};

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  enum class Format { kText, kJson } format = Format::kText;
};

struct Config {
  Address listen{"127.0.0.1", 8420, true};
  std::vector<http::Token> tokens;  ///< empty: everyone is an operator
  std::string store = "sqlite:waybill.db";
  flow::RetentionConfig retention;
  std::vector<ClusterConfig> clusters;
  std::string sls_group;  ///< consumer group at SLS projects; empty = the engine's own
  SourcesConfig sources;
  AuditConfig audit;
  KpiConfig kpi;
  std::vector<search::Server> search;
  std::vector<LedgerSettings> ledgers;
  WatchConfig watch;
  std::optional<RedisSettings> redis;
  AgentConfig agent;
  AlertConfig alerts;
  LogConfig log;

  /// REQUIRES: the name is configured.
  const ClusterConfig& cluster(std::string_view name) const;
};

/// What reading a configuration may ask of the world; tests and the fuzzer bring their own.
struct ConfigWorld {
  Lookup variable;
  /// The content of a secret's file. Errors: kNotFound, kDenied, kLimit.
  std::function<Result<std::string>(const std::string& path)> read_file;
  /// kInvalid when librdkafka refuses this property; the message says why and what is allowed.
  std::function<Result<void>(const std::string& name, const std::string& value)> check_property;
  /// A table of at most `max` bytes that the file names. Errors: kNotFound, kDenied, kUnavailable, kLimit.
  std::function<Result<std::string>(const std::string& path, size_t max)> read_table = {};
  /// The folder of the file, with its '/': what relative names of tables begin with.
  std::string folder = {};
};

/// The real environment, files of at most 64 KiB, and the librdkafka that we run with.
ConfigWorld real_world();

/// More faults than this are not shown.
inline constexpr size_t kDiagnosticsMax = 20;

/// The configuration, or its first faults by place (1 to kDiagnosticsMax). Never throws.
tl::expected<Config, std::vector<Diagnostic>> parse_config(std::string_view text, const ConfigWorld& world);

/// Where `waybill run` looks when no file is named.
std::vector<std::string> default_config_files();

/// Reads the file (the first default one that exists when `path` is empty) and parses it. The error is ready
/// to print: one line per fault. At most kYamlBytesMax.
struct LoadedConfig {
  std::string path;
  Config config;
};
tl::expected<LoadedConfig, std::string> load_config(const std::string& path, const ConfigWorld& world);

}  // namespace waybill::cli
