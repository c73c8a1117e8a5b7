#include "cli/agent_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "flow/source_dedup.h"
#include "source/record_cutter.h"

namespace waybill::cli {
namespace {

constexpr Millis kHour{3'600'000};
constexpr int64_t kRecordBytesMax = 64 << 20;
constexpr size_t kHeadersMax = 50;

using source::FollowOptions;

class AgentReader {
 public:
  AgentReader(ConfigFaults& faults, const YamlNode& node, AgentConfig& out)
      : faults_(faults), node_(node), out_(out), section_(faults, &node, "agent") {}

  void read(const std::vector<std::string>& clusters) {
    read_cluster(clusters);
    section_.text("topic", out_.topic);
    need("topic", out_.topic.empty(), "topic: jsonData");
    section_.text("key", out_.key);
    read_headers(section_.child("headers"));
    section_.text("host_header", out_.host_header);
    section_.text("host", out_.host);
    section_.text("state", out_.state);
    section_.texts("files", out_.follow.paths);
    need("files", out_.follow.paths.empty(), "files: [\"/var/log/app/*.log\"]");
    section_.texts("exclude", out_.follow.exclude);
    if (auto start = section_.word("start", {"begin", "end"}))
      out_.follow.start = *start == 0 ? FollowOptions::Start::kBegin : FollowOptions::Start::kEnd;
    int64_t record_bytes = static_cast<int64_t>(out_.follow.record.record_bytes_max);
    section_.size("line_bytes_max", record_bytes, {1, kRecordBytesMax});
    out_.follow.record.record_bytes_max = static_cast<size_t>(record_bytes);
    read_multiline(section_.child("multiline"));
    section_.number("files_max", out_.follow.files_max, {1, 1'000'000});
    section_.duration("finish_after", out_.follow.finish_after, {Millis(1000), 24 * kHour});
    section_.duration("remember", out_.follow.remember, {kHour, 24 * 365 * kHour});
    if (auto how = section_.word("inotify", {"true", "false"}))
      out_.follow.inotify = *how == 0 ? source::DirWatch::Use::kYes : source::DirWatch::Use::kNo;
    section_.size("in_flight", out_.in_flight_bytes, {64 << 10, 1 << 30});
    section_.duration("save_every", out_.save_every, {Millis(10), Millis(60'000)});
    section_.duration("status_every", out_.status_every, {Millis(0), 24 * kHour});
    read_audit();
    read_metrics(section_.child("metrics"));
    section_.finish();
  }

 private:
  void need(std::string_view key, bool missing, std::string_view example) {
    if (missing && section_.child(key) == nullptr)
      faults_.add(node_, fmt::format("agent: the key \"{}\" is missing; e.g. {}", key, example));
    if (missing && section_.child(key) != nullptr)
      faults_.add(*section_.child(key), fmt::format("agent.{} is empty; e.g. {}", key, example));
  }

  void read_cluster(const std::vector<std::string>& clusters) {
    section_.text("cluster", out_.cluster);
    const YamlNode* node = section_.child("cluster");
    if (node == nullptr) {
      if (clusters.size() == 1) out_.cluster = clusters.front();
      if (clusters.size() > 1)
        faults_.add(node_, fmt::format("agent: several clusters are configured; choose one with cluster: {}",
                                       fmt::join(clusters, " or ")));
      return;
    }
    if (std::find(clusters.begin(), clusters.end(), out_.cluster) == clusters.end())
      faults_.add(*node,
                  fmt::format("agent.cluster: there is no cluster \"{}\". Configured: {}", out_.cluster,
                              clusters.empty() ? "none" : fmt::format("{}", fmt::join(clusters, ", "))));
  }

  void read_headers(const YamlNode* node) {
    if (node == nullptr) return;
    if (node->kind != YamlNode::Kind::kMap)
      return faults_.add(*node, "agent.headers must be a map such as {business: pc}");
    if (node->entries.size() > kHeadersMax)
      return faults_.add(*node, fmt::format("agent.headers: at most {} are allowed", kHeadersMax));
    for (const auto& [key, value] : node->entries) {
      const std::string& name = faults_.document[key].text;
      auto text = scalar(faults_, faults_.document[value], "agent.headers." + name);
      if (name == flow::kSourceHeader)
        faults_.add(faults_.document[key], "agent.headers: waybill-src is set by the agent itself");
      if (text) out_.headers.emplace_back(name, *text);
    }
  }

  void read_multiline(const YamlNode* node) {
    if (node == nullptr) return;
    Section section(faults_, node, "agent.multiline");
    section.text("start", out_.follow.record.start);
    section.duration("wait", out_.follow.quiet_after, {Millis(10), kHour});
    const YamlNode* start = section.child("start");
    section.finish();
    if (start == nullptr)
      return faults_.add(*node, "agent.multiline: the key \"start\" is missing; e.g. '^\\d{4}-'");
    auto cutter = source::RecordCutter::make(out_.follow.record);
    if (!cutter) faults_.add(*start, "agent.multiline.start: " + cutter.error().message);
  }

  void read_metrics(const YamlNode* node) {
    if (node == nullptr) return;
    auto text = scalar(faults_, *node, "agent.metrics");
    if (!text) return;
    auto address = parse_address(*text);
    if (!address) return faults_.add(*node, "agent.metrics: " + address.error().message);
    if (!address->loopback)
      return faults_.add(*node,
                         "agent.metrics: only an address of this machine is allowed, such as "
                         "127.0.0.1:9117; let something that asks who is there pass it on");
    out_.metrics = std::move(*address);
  }

  void read_audit() {
    const YamlNode* node = section_.child("audit");
    if (node == nullptr) return;
    if (node->kind == YamlNode::Kind::kScalar && node->text == "none") {
      out_.audited = false;
      return;
    }
    Section section(faults_, node, "agent.audit");
    section.text("topic", out_.audit_topic);
    section.finish();
  }

  ConfigFaults& faults_;
  const YamlNode& node_;
  AgentConfig& out_;
  Section section_;
};

}  // namespace

void read_agent(ConfigFaults& faults, const YamlNode* node, const std::vector<std::string>& clusters,
                AgentConfig& out) {
  if (node == nullptr) return;
  out.present = true;
  AgentReader(faults, *node, out).read(clusters);
}

}  // namespace waybill::cli
