#pragma once
// Which Task owns which partitions.

#include <span>
#include <vector>

#include "base/result.h"
#include "flow/runner.h"

namespace waybill::flow {

/// A Task to be made and what it owns, sorted.
struct TaskPart {
  TaskId id;
  std::vector<SourcePartition> partitions;
};

/// Splits newly assigned partitions by the plan. TaskIds: "engine/name/topic/partition" (kEach),
/// "engine/name/partition" (kAligned), "engine/name" (kWhole). Pure. kInvalid when the topics of an aligned
/// plan have unequal partition counts or one of them is missing: the message names a partition and the topics
/// that lack it.
Result<std::vector<TaskPart>> split_by_plan(const Plan& plan, std::span<const SourcePartition> partitions);

}  // namespace waybill::flow
