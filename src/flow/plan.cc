#include "flow/plan.h"

#include <algorithm>
#include <map>
#include <set>

namespace waybill::flow {
namespace {

Result<std::vector<TaskPart>> split_aligned(const Plan& plan, std::span<const SourcePartition> partitions) {
  std::set<std::string> topics(plan.topics.begin(), plan.topics.end());
  std::map<PartitionId, std::vector<SourcePartition>> by_number;
  for (const auto& partition : partitions) {
    topics.insert(partition.topic);
    by_number[partition.partition].push_back(partition);
  }
  std::vector<TaskPart> parts;
  for (auto& [number, owned] : by_number) {
    std::sort(owned.begin(), owned.end());
    if (owned.size() != topics.size()) {
      std::string missing;
      for (const auto& topic : topics) {
        bool found = std::any_of(owned.begin(), owned.end(), [&](const auto& p) { return p.topic == topic; });
        if (!found) missing += (missing.empty() ? "" : ", ") + topic;
      }
      return fail(Errc::kInvalid, plan.engine + " " + plan.name + ": partition " +
                                      std::to_string(number.value) + " is missing in " + missing +
                                      ": topics that are joined need equal partition counts");
    }
    parts.push_back({plan.engine + "/" + plan.name + "/" + std::to_string(number.value), std::move(owned)});
  }
  return parts;
}

}  // namespace

Result<std::vector<TaskPart>> split_by_plan(const Plan& plan, std::span<const SourcePartition> partitions) {
  std::vector<TaskPart> parts;
  std::string prefix = plan.engine + "/" + plan.name;
  switch (plan.kind) {
    case Plan::Kind::kEach:
      for (const auto& partition : partitions) {
        parts.push_back(
            {prefix + "/" + partition.topic + "/" + std::to_string(partition.partition.value), {partition}});
      }
      break;
    case Plan::Kind::kAligned:
      return split_aligned(plan, partitions);
    case Plan::Kind::kWhole:
      if (partitions.empty()) break;
      parts.push_back({prefix, {partitions.begin(), partitions.end()}});
      std::sort(parts.back().partitions.begin(), parts.back().partitions.end());
      break;
  }
  return parts;
}

}  // namespace waybill::flow
