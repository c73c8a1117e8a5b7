#include "cli/metrics.h"

#include <librdkafka/rdkafka.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <nlohmann/json.hpp>

#include "audit/query.h"
#include "audit/tables.h"
#include "cli/host.h"

namespace waybill::cli {
namespace {

using nlohmann::json;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string, std::string>>;

/// Families in the order of their first series.
class Families {
 public:
  void gauge(const char* name, const char* help, Labels labels, double value) {
    add(name, help, MetricType::Gauge, std::move(labels), value);
  }
  void counter(const char* name, const char* help, Labels labels, double value) {
    add(name, help, MetricType::Counter, std::move(labels), value);
  }

  std::string text() {
    gauge("waybill_metrics_series_dropped",
          "Series that were left out of this answer because a family is full.", {},
          static_cast<double>(dropped_));
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  void add(const char* name, const char* help, MetricType type, Labels labels, double value) {
    auto [it, fresh] = index_.emplace(name, families_.size());
    if (fresh) families_.push_back({name, help, type, {}});
    prometheus::MetricFamily& family = families_[it->second];
    if (family.metric.size() >= kSeriesMax) {
      ++dropped_;
      return;
    }
    prometheus::ClientMetric metric;
    for (auto& [key, text] : labels) metric.label.push_back({key, std::move(text)});
    if (type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    family.metric.push_back(std::move(metric));
  }

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, size_t> index_;
  size_t dropped_ = 0;
};

double number(const json& object, const char* key) {
  auto it = object.find(key);
  return it != object.end() && it->is_number() ? it->get<double>() : 0.0;
}

struct GroupMetric {
  const char* field;  ///< of a group in /api/v1/topics
  const char* name;
  const char* help;
  MetricType type;
};
constexpr GroupMetric kGroupMetrics[] = {
    {"consumed", "waybill_consumed_messages_total", "Distinct messages handed out to the group.",
     MetricType::Counter},
    {"redelivered", "waybill_redelivered_messages_total", "Messages handed out to the group again.",
     MetricType::Counter},
    {"pending", "waybill_pending_messages", "Messages that the group has not reached.", MetricType::Gauge},
    {"suspected", "waybill_suspected_messages",
     "Messages that the group has passed without being handed them.", MetricType::Gauge},
    {"lost", "waybill_lost_messages", "Messages that are proven to be lost for the group.",
     MetricType::Gauge},
    {"late", "waybill_late_messages", "Messages that were called lost and arrived after all.",
     MetricType::Gauge},
    {"unconfirmed", "waybill_unconfirmed_messages",
     "Messages of which it cannot be known whether the group got them.", MetricType::Gauge},
    {"excused", "waybill_excused_messages", "Offsets that were rightly not handed out.", MetricType::Gauge},
    {"accepted", "waybill_accepted_messages", "Losses that an operator has closed.", MetricType::Gauge},
    {"replayed", "waybill_replayed_messages", "Losses that were put back.", MetricType::Gauge},
    {"lag_messages", "waybill_group_lag_messages",
     "Messages between the group's position and the end of the log.", MetricType::Gauge},
    {"lag_seconds", "waybill_group_lag_seconds", "Age of the first message that the group has not read.",
     MetricType::Gauge},
};

void add_group(Families& out, const Labels& topic, const json& group) {
  Labels labels = topic;
  labels.emplace_back("group", group.value("name", ""));
  for (const GroupMetric& m : kGroupMetrics) {
    auto it = group.find(m.field);
    if (it == group.end() || !it->is_number()) continue;  // null: not known
    if (m.type == MetricType::Counter) {
      out.counter(m.name, m.help, labels, it->get<double>());
    } else {
      out.gauge(m.name, m.help, labels, it->get<double>());
    }
  }
}

void add_topics(Families& out, const json& answer) {
  for (const json& topic : answer.at("topics")) {
    Labels labels = {{"cluster", topic.value("cluster", "")}, {"topic", topic.value("name", "")}};
    out.counter("waybill_produced_messages_total",
                "Messages that the broker acknowledged to audited producers.", labels,
                number(topic, "produced"));
    out.gauge("waybill_unaudited_messages",
              "Messages that were handed out and that no audited producer has claimed.", labels,
              number(topic, "unaudited"));
    out.gauge("waybill_topic_complete",
              "1 when every figure of the topic is complete, 0 when the API names what is missing.", labels,
              topic.value("complete", false) ? 1 : 0);
    for (const json& group : topic.at("groups")) add_group(out, labels, group);
  }
}

void add_reporters(Families& out, const json& answer) {
  std::map<std::pair<std::string, std::string>, double> counts;
  std::map<std::string, double> missing;
  for (const json& reporter : answer.at("reporters")) {
    std::string cluster = reporter.value("cluster", "");
    std::string state = reporter.value("closed", false)     ? "closed"
                        : reporter.value("vanished", false) ? "vanished"
                                                            : "open";
    for (const char* known : {"open", "closed", "vanished"})
      counts[{cluster, known}] += state == known ? 1 : 0;
    missing[cluster] += number(reporter, "missing_reports");
  }
  for (const auto& [key, count] : counts) {
    out.gauge("waybill_reporters", "Processes that count, by state.",
              {{"cluster", key.first}, {"state", key.second}}, count);
  }
  for (const auto& [cluster, count] : missing) {
    out.gauge("waybill_missing_reports", "Reports that were numbered and never came.", {{"cluster", cluster}},
              count);
  }
}

size_t column(const flow::TableSpec& table, std::string_view name) {
  size_t i = 0;
  while (i < table.values.size() && table.values[i].name != name) ++i;
  return i;
}

std::string text_of(const flow::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* whole = std::get_if<int64_t>(&value)) return std::to_string(*whole);
  return {};
}

double number_of(const flow::Page::Row& row, size_t at) {
  if (at >= row.values.size()) return 0;
  if (const auto* whole = std::get_if<int64_t>(&row.values[at])) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&row.values[at])) return *real;
  return 0;
}

Result<flow::Page> grouped(flow::Store& store, const flow::TableSpec& table, std::vector<std::string> by) {
  return store.query(
      {.table = &table, .where = {}, .group_by = std::move(by), .limit = 100'000, .cursor = {}});
}

Result<void> add_traffic(Families& out, flow::Store& store) {
  const flow::TableSpec& table = audit::partition_table();
  auto page = grouped(store, table, {"cluster", "topic", "grp"});
  if (!page) return tl::make_unexpected(page.error());
  size_t bytes = column(table, "bytes");
  for (const flow::Page::Row& row : page->rows) {
    Labels labels = {{"cluster", text_of(row.key[0])}, {"topic", text_of(row.key[1])}};
    std::string group = text_of(row.key[2]);
    if (!group.empty()) {
      labels.emplace_back("group", group);
      out.counter("waybill_consumed_bytes_total", "Bytes of keys and values handed out to the group.", labels,
                  number_of(row, bytes));
      continue;
    }
    out.counter("waybill_produced_bytes_total", "Bytes of keys and values acknowledged to audited producers.",
                labels, number_of(row, bytes));
    out.counter("waybill_unknown_messages_total", "Sends of which it is not known whether they were written.",
                labels, number_of(row, column(table, "unknown")));
    out.counter("waybill_offset_unknown_messages_total",
                "Acknowledged messages without a trustworthy offset.", labels,
                number_of(row, column(table, "offset_unknown")));
  }
  return {};
}

/// Counters that survive restarts, because they are sums in the store.
Result<void> add_lost_totals(Families& out, flow::Store& store) {
  const flow::TableSpec& table = audit::partition_table();
  auto page = grouped(store, table, {"cluster", "topic", "grp"});
  if (!page) return tl::make_unexpected(page.error());
  const size_t found = column(table, "lost_found");
  const size_t retracted = column(table, "lost_retracted");
  for (const flow::Page::Row& row : page->rows) {
    std::string group = text_of(row.key[2]);
    if (group.empty()) continue;
    Labels labels = {
        {"cluster", text_of(row.key[0])}, {"topic", text_of(row.key[1])}, {"group", std::move(group)}};
    out.counter("waybill_lost_found_total", "Messages that were ever found lost for the group.", labels,
                number_of(row, found));
    out.counter("waybill_lost_retracted_total",
                "Messages that had been found lost for the group and arrived after all.", std::move(labels),
                number_of(row, retracted));
  }
  return {};
}

Result<void> add_failed(Families& out, flow::Store& store) {
  auto page = grouped(store, audit::failed_table(), {"cluster", "topic", "code"});
  if (!page) return tl::make_unexpected(page.error());
  for (const flow::Page::Row& row : page->rows) {
    const char* name = rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(flow::number(row.key[2])));
    Labels labels = {{"cluster", text_of(row.key[0])},
                     {"topic", text_of(row.key[1])},
                     {"error", name ? name : text_of(row.key[2])}};
    out.counter("waybill_failed_messages_total", "Sends that failed, by error.", std::move(labels),
                number_of(row, 0));
  }
  return {};
}

Result<void> add_counters(Families& out, flow::Store& store) {
  auto page = grouped(store, audit::counter_table(), {"cluster", "name"});
  if (!page) return tl::make_unexpected(page.error());
  for (const flow::Page::Row& row : page->rows) {
    out.counter("waybill_audit_events_total", "What the collector met, by kind.",
                {{"cluster", text_of(row.key[0])}, {"kind", text_of(row.key[1])}}, number_of(row, 0));
  }
  return {};
}

void add_runners(Families& out, const std::vector<JobStatus>& statuses, Now now) {
  for (const JobStatus& status : statuses) {
    const flow::RunnerHealth& health = status.health;
    Labels labels = {{"cluster", status.cluster}, {"engine", health.engine}};
    if (health.name != status.cluster) labels.emplace_back("name", health.name);
    auto count = [&](const char* name, const char* help, int64_t value) {
      out.counter(name, help, labels, static_cast<double>(value));
    };
    auto gauge = [&](const char* name, const char* help, double value) {
      out.gauge(name, help, labels, value);
    };
    gauge("waybill_runner_running", "1 while the engine reads.",
          status.state == JobStatus::State::kRunning ? 1 : 0);
    gauge("waybill_runner_tasks", "Partitions that this process works on.",
          static_cast<double>(health.tasks));
    count("waybill_runner_records_total", "Records read.", health.records);
    count("waybill_runner_commits_total", "Transactions committed to the store.", health.commits);
    count("waybill_runner_commit_failures_total", "Transactions that failed and were tried again.",
          health.commit_failures);
    count("waybill_runner_fenced_total", "Commits refused because another process had taken over.",
          health.fenced);
    if (health.last_commit_wall_ms > 0) {
      gauge("waybill_runner_last_commit_age_seconds", "Time since the last commit.",
            static_cast<double>(now.wall_ms - health.last_commit_wall_ms) / 1000.0);
    }
    gauge("waybill_source_degraded", "1 while the source backs off after a failure.",
          health.source.degraded ? 1 : 0);
    gauge("waybill_source_lag_messages", "Records that are written and not yet read.",
          static_cast<double>(health.source.lag_messages));
  }
}

void add_outbox(Families& out, const sink::OutboxFigures& figures) {
  out.gauge("waybill_outbox_rows", "Records in the store that wait to be forwarded.", {},
            static_cast<double>(figures.rows));
  for (size_t i = 0; i < figures.sinks.size(); ++i) {
    const Labels labels = {{"sink", figures.names[i]}};
    auto count = [&](const char* name, const char* help, int64_t value) {
      out.counter(name, help, labels, static_cast<double>(value));
    };
    count("waybill_forwarded_messages_total", "Records that a sink has taken, repeats included.",
          figures.sinks[i].forwarded);
    count("waybill_forward_failures_total", "Attempts that failed and are made again.",
          figures.sinks[i].failures);
    count("waybill_forward_dropped_messages_total", "Records that a sink will never take.",
          figures.sinks[i].refused);
    count("waybill_forward_superseded_messages_total",
          "Records not sent, because a later one of the same document waited.", figures.sinks[i].superseded);
  }
  out.counter("waybill_forward_unrouted_messages_total",
              "Records in the outbox of watches that forward no longer.", {},
              static_cast<double>(figures.unrouted));
}

void add_alerts(Families& out, const AlertFigures& figures) {
  out.gauge("waybill_alert_evaluates", "1 in the process that evaluates the alert rules.", {},
            figures.evaluates ? 1 : 0);
  const char* kAlerts = "Alerts by state, as this process evaluates them.";
  out.gauge("waybill_alerts", kAlerts, {{"state", "pending"}}, static_cast<double>(figures.pending));
  out.gauge("waybill_alerts", kAlerts, {{"state", "firing"}}, static_cast<double>(figures.firing));
  auto count = [&out](const char* name, const char* help, int64_t value, const Labels& labels = {}) {
    out.counter(name, help, labels, static_cast<double>(value));
  };
  count("waybill_alert_evaluations_total", "Evaluations of the alert rules.", figures.evaluations);
  count("waybill_alert_evaluation_failures_total", "Evaluations that failed and were made again.",
        figures.failures);
  count("waybill_alert_overflow_total", "Conditions that were not kept because there are too many alerts.",
        figures.overflow);
  count("waybill_alert_notices_dropped_total", "Notices that were not kept because too many wait.",
        figures.dropped);
  for (const AlertFigures::Notifier& one : figures.notifiers) {
    const Labels labels = {{"notifier", one.name}, {"kind", one.kind}};
    count("waybill_alert_notices_delivered_total", "Alerts and resolutions that a receiver has taken.",
          one.figures.delivered, labels);
    count("waybill_alert_requests_total", "Requests that a receiver has answered well.", one.figures.requests,
          labels);
    count("waybill_alert_request_failures_total", "Requests that failed and are made again.",
          one.figures.failures, labels);
    count("waybill_alert_notices_given_up_total",
          "Notices that a receiver refuses, or did not take for a day.", one.figures.dropped, labels);
    out.gauge("waybill_alert_notices_waiting",
              "Notices that wait for a receiver; the first 200 between counts.", labels,
              static_cast<double>(one.figures.waiting));
  }
}

}  // namespace

Result<std::string> metrics_text(flow::Store& store, const std::vector<JobStatus>& statuses, Now now,
                                 const ReloadStatus* reload, const sink::OutboxFigures* outbox,
                                 const AlertFigures* alerts) {
  Families out;
  out.gauge("waybill_build_info", "1, with the versions as labels.",
            {{"version", version()}, {"librdkafka", rd_kafka_version_str()}}, 1);
  if (reload) {
    out.gauge("waybill_config_last_reload_successful",
              "1 when the configuration file was taken the last time it was read, 0 when the old one stays.",
              {}, reload->successful ? 1 : 0);
    out.gauge("waybill_config_last_reload_success_timestamp_seconds",
              "When the configuration in use was read.", {}, static_cast<double>(reload->loaded_ms) / 1000);
    out.gauge("waybill_sources_skipped", "Entries of sls: that are empty or incomplete and are not read.", {},
              static_cast<double>(reload->sources_skipped));
  }
  audit::Params none = [](std::string_view) { return std::nullopt; };
  auto topics = audit::topics_json(store, none, now);
  if (!topics) return tl::make_unexpected(topics.error());
  add_topics(out, json::parse(*topics));
  auto reporters = audit::reporters_json(store, none, now);
  if (!reporters) return tl::make_unexpected(reporters.error());
  add_reporters(out, json::parse(*reporters));
  for (auto* add : {add_traffic, add_lost_totals, add_failed, add_counters}) {
    if (auto done = add(out, store); !done) return tl::make_unexpected(done.error());
  }
  add_runners(out, statuses, now);
  if (outbox) add_outbox(out, *outbox);
  if (alerts) add_alerts(out, *alerts);
  return out.text();
}

}  // namespace waybill::cli
