#include "cli/agent_metrics.h"

#include <fmt/format.h>

#include "cli/host.h"

namespace waybill::cli {
namespace {

void append_metric(std::string& out, std::string_view type, std::string_view name, std::string_view help,
                   uint64_t value) {
  out += fmt::format("# HELP waybill_agent_{0} {1}\n# TYPE waybill_agent_{0} {2}\nwaybill_agent_{0} {3}\n",
                     name, help, type, value);
}

/// What only grows. `under_way` belongs to the last life alone.
agent::AgentFigures sum_of(const agent::AgentFigures& a, const agent::AgentFigures& b) {
  agent::AgentFigures sum = b;
  sum.records += a.records;
  sum.bytes += a.bytes;
  sum.delivered += a.delivered;
  sum.refused += a.refused;
  sum.unkeyed += a.unkeyed;
  sum.saves += a.saves;
  sum.saves_failed += a.saves_failed;
  return sum;
}

}  // namespace

void AgentMetrics::begin_life() {
  const std::lock_guard lock(mutex_);
  before_ = sum_of(before_, now_);
  oversized_before_ += health_.oversized;
  cut_off_before_ += health_.cut_off;
  now_ = {};
  health_ = {};
}

void AgentMetrics::set(const agent::AgentFigures& figures, const flow::FeedHealth& health) {
  const std::lock_guard lock(mutex_);
  now_ = figures;
  health_ = health;
}

std::string AgentMetrics::text() const {
  agent::AgentFigures f;
  flow::FeedHealth h;
  {
    const std::lock_guard lock(mutex_);
    f = sum_of(before_, now_);
    h = health_;
    h.oversized += oversized_before_;
    h.cut_off += cut_off_before_;
  }
  std::string out = fmt::format(
      "# HELP waybill_build_info 1, with the version as label.\n# TYPE waybill_build_info gauge\n"
      "waybill_build_info{{version=\"{}\"}} 1\n",
      version());
  auto counter = [&out](std::string_view name, std::string_view help, uint64_t value) {
    append_metric(out, "counter", name, help, value);
  };
  auto gauge = [&out](std::string_view name, std::string_view help, uint64_t value) {
    append_metric(out, "gauge", name, help, value);
  };
  counter("records_total", "Records handed to the producer, repeats after a failure included.", f.records);
  counter("bytes_total", "Bytes of these records.", f.bytes);
  counter("delivered_total", "Records that the brokers have acknowledged.", f.delivered);
  counter("refused_total", "Records that are too large for the topic.", f.refused);
  counter("unkeyed_total", "Records sent without a key: no JSON, or without the key's field.", f.unkeyed);
  counter("saves_total", "Times that positions were stored.", f.saves);
  counter("save_failures_total", "Times that positions could not be stored.", f.saves_failed);
  gauge("under_way", "Records sent and not yet acknowledged.", f.under_way);
  gauge("files", "Files that are open.", h.files);
  gauge("behind_bytes", "Bytes in the files that are not read yet.", h.bytes_behind);
  counter("oversized_total", "Lines skipped because they are longer than line_bytes_max.", h.oversized);
  gauge("unreadable_files", "Files that cannot be read now.", h.unreadable);
  gauge("left_out_files", "Files beyond files_max.", h.left_out);
  counter("cut_off_total", "Times that a file was cut to nothing while it was read.", h.cut_off);
  return out;
}

Result<std::unique_ptr<http::Server>> serve_agent_metrics(const Address& address, const AgentMetrics& metrics,
                                                          const LogFn& log) {
  std::vector<http::Route> routes;
  routes.push_back({"GET", "/metrics", http::Role::kAnyone, [&metrics](const http::Request&) {
                      return http::Response{.content_type = "text/plain; version=0.0.4",
                                            .body = metrics.text()};
                    }});
  routes.push_back({"GET", "/healthz", http::Role::kAnyone, [](const http::Request&) {
                      return http::Response{.content_type = "text/plain", .body = "ok\n"};
                    }});
  http::ServerOptions options{
      .address = address.host, .port = address.port, .connections_max = 16, .threads = 1};
  auto server = http::Server::open(std::move(options), std::move(routes), log);
  if (server) log(LogLevel::kInfo, fmt::format("metrics on port {}", (*server)->port()));
  return server;
}

}  // namespace waybill::cli
