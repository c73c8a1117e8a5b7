// waybill doctor: what is missing, and what to do about it.
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/diagnosis.h"
#include "cli/plugin_trial.h"
#include "source/probe.h"

namespace waybill::cli {
namespace {

using Level = Symptom::Level;
constexpr Millis kProbe{5'000};
constexpr Millis kLoad{10'000};
constexpr std::string_view kPlugin = "libwaybill_rdkafka";

/// One cluster, seen with one set of properties.
struct Patient {
  std::string name;
  Properties properties;  ///< without the plugin and its own
  AuditConfig audit;
  std::vector<std::string> topics;  ///< of messages
  bool client = false;              ///< a client's own configuration, else the collector's
};

class Doctor {
 public:
  void say(Symptom symptom) {
    failed_ = failed_ || symptom.level == Level::kFail;
    fmt::print("{}", symptom_text(symptom));
    std::fflush(stdout);
  }
  bool failed() const { return failed_; }

  void examine(const Patient& patient) {
    source::KafkaCluster kafka{patient.name, patient.properties};
    auto brokers = source::probe_brokers(kafka, 2 * kProbe);
    if (!brokers) {
      bool invalid = brokers.error().code == Errc::kInvalid;
      return say({Level::kFail, fmt::format("{}: brokers: {}", patient.name, brokers.error().message),
                  invalid ? "Correct this property."
                          : reach_advice(patient.properties, brokers.error().message, rd_kafka_version())});
    }
    say({Level::kFine,
         fmt::format("{}: brokers: {} in cluster {}", patient.name, brokers->brokers, brokers->cluster_id),
         {}});
    bool exists = examine_topic(patient, kafka);
    for (const std::string& topic : patient.topics) {
      auto found = source::probe_topic(kafka, topic, kProbe);
      right(patient, found.map([](int32_t) {}), "describe " + topic, {"Describe", "topic", topic});
      if (found)
        right(patient, source::probe_read(kafka, topic, kProbe), "read " + topic, {"Read", "topic", topic});
    }
    if (!exists) return;
    if (!patient.client) {
      right(patient, source::probe_read(kafka, patient.audit.topic, kProbe), "read " + patient.audit.topic,
            {"Read", "topic", patient.audit.topic});
      right(patient, source::probe_group(kafka, patient.audit.group, patient.audit.topic, kProbe),
            "use group " + patient.audit.group, {"Read", "group", patient.audit.group});
    }
    examine_write(patient, kafka);
  }

 private:
  /// Whether the audit topic is there.
  bool examine_topic(const Patient& patient, const source::KafkaCluster& kafka) {
    const std::string& topic = patient.audit.topic;
    auto count = source::probe_topic(kafka, topic, kProbe);
    if (!count && count.error().code == Errc::kNotFound) {
      say({Level::kWarn,
           fmt::format("{}: topic {} does not exist (or may not be described)", patient.name, topic),
           "`waybill run` creates it. Without the right to, create it with:\n" +
               fmt::format(
                   "kafka-topics --bootstrap-server BROKER --create --topic {} --partitions {} --config "
                   "cleanup.policy=delete --config retention.ms=604800000 --config "
                   "message.timestamp.type=LogAppendTime",
                   topic, patient.audit.partitions)});
      return false;
    }
    right(patient, count.map([](int32_t) {}), "describe " + topic, {"Describe", "topic", topic});
    if (!count) return false;
    if (!patient.client && *count != patient.audit.partitions) {
      say({Level::kFail,
           fmt::format("{}: topic {} has {} partitions, audit.partitions says {}", patient.name, topic,
                       *count, patient.audit.partitions),
           fmt::format("Set audit.partitions: {} if it was always so, else make the topic anew.", *count)});
    }
    if (patient.client) return true;
    auto settings = source::probe_topic_settings(kafka, topic, kProbe);
    if (!settings) {
      say({Level::kWarn, fmt::format("{}: {}", patient.name, settings.error().message),
           acl_line(patient.properties, {"DescribeConfigs", "topic", topic})});
      return true;
    }
    auto faults = judge_audit_topic(topic, *settings);
    if (faults.empty()) say({Level::kFine, fmt::format("{}: settings of topic {}", patient.name, topic), {}});
    for (Symptom& fault : faults) say(std::move(fault));
    return true;
  }

  void examine_write(const Patient& patient, const source::KafkaCluster& kafka) {
    auto written = source::probe_write(kafka, patient.audit.topic, system_clock(), kProbe);
    if (patient.client || written) {
      right(patient, written.map([](const source::WriteFacts&) {}), "write to " + patient.audit.topic,
            {"Write", "topic", patient.audit.topic});
    }
    if (written && written->ahead_ms) {
      say(judge_clock(*written->ahead_ms, written->uncertain_ms));
    } else if (!patient.client) {
      say({Level::kWarn, fmt::format("{}: clock: could not be compared", patient.name),
           written ? "The audit topic has no LogAppendTime." : written.error().message});
    }
  }

  void right(const Patient& patient, const Result<void>& answer, const std::string& what,
             const MissingRight& right) {
    if (answer) return say({Level::kFine, fmt::format("{}: may {}", patient.name, what), {}});
    bool denied = answer.error().code == Errc::kDenied;
    bool absent = answer.error().code == Errc::kNotFound;
    say({Level::kFail,
         fmt::format("{}: {} {}: {}", patient.name, denied ? "may not" : "cannot", what,
                     answer.error().message),
         denied   ? acl_line(patient.properties, right)
         : absent ? "Is the name right? A broker also hides what may not be described:\n" +
                        acl_line(patient.properties, right)
                  : "Try again; if it stays, see the broker's log."});
  }

  bool failed_ = false;
};

/// What the plugin takes for itself is not for our own client.
Properties without_plugin(const Properties& all) {
  Properties rest;
  for (const auto& [name, value] : all) {
    if (name != "plugin.library.paths" && !name.starts_with("waybill.") && name != "group.id")
      rest.emplace_back(name, value);
  }
  return rest;
}

/// Every library of the list; a plugin that is only our default may be absent here.
void examine_plugin(Doctor& doctor, const std::string& path, Level missing) {
  auto loaded = try_plugin(path, kLoad);
  if (loaded) return doctor.say({Level::kFine, fmt::format("plugin: {} can be loaded", path), {}});
  doctor.say(
      {missing, fmt::format("plugin: {}: {}", path, loaded.error().message),
       "Install it where the clients run, and name it by its path or put its folder into LD_LIBRARY_PATH."});
}

}  // namespace

int doctor_command(const DoctorArgs& args) {
  ConfigWorld world = real_world();
  std::vector<Patient> patients;
  Doctor doctor;
  if (args.client_config.empty() || !args.config.empty()) {
    auto loaded = load_config(args.config, world);
    if (!loaded) {
      fmt::print(stderr, "{}", loaded.error());
      return kExitUsage;
    }
    const Config& config = loaded->config;
    doctor.say({Level::kFine, fmt::format("configuration: {}", loaded->path), {}});
    for (const std::string& name : config.audit.clusters)
      patients.push_back({name, config.cluster(name).properties, config.audit, args.topics});
  }
  std::string plugin(kPlugin);
  Level plugin_missing = Level::kWarn;
  if (!args.client_config.empty()) {
    auto text = world.read_file(args.client_config);
    auto properties = text.and_then([](const std::string& t) { return parse_client_properties(t); });
    if (!properties) {
      fmt::print(stderr, "waybill: {}: {}\n", args.client_config, properties.error().message);
      return kExitUsage;
    }
    AuditConfig audit = patients.empty() ? AuditConfig{} : patients.front().audit;
    if (auto topic = property(*properties, "waybill.report.topic")) audit.topic = *topic;
    patients.push_back({args.client_config, without_plugin(*properties), audit, {}, true});
    if (auto path = property(*properties, "plugin.library.paths")) {
      plugin = *path;
      plugin_missing = Level::kFail;
    } else {
      doctor.say({Level::kWarn,
                  args.client_config + ": plugin.library.paths is not set: this client is not counted",
                  fmt::format("plugin.library.paths={}", kPlugin)});
    }
  }
  if (!args.plugin.empty()) {
    plugin = args.plugin;
    plugin_missing = Level::kFail;
  }
  examine_plugin(doctor, plugin, plugin_missing);  // before librdkafka's threads: it forks
  for (const Patient& patient : patients) doctor.examine(patient);
  return doctor.failed() ? kExitFindings : kExitFine;
}

}  // namespace waybill::cli
