#pragma once
// The KPI engine over a topic: records to rows, exact over restarts (DESIGN section 6).

#include <memory>
#include <span>
#include <string>

#include "flow/task.h"
#include "kpi/program.h"

namespace waybill::kpi {

struct TaskOptions {
  std::string source;                ///< cluster/topic, key of agent_table()
  std::string group{};               ///< consumer group, key of position_table()
  std::string host_header = "host";  ///< names the agent's host
};

/// Makes the Task of some partitions. Windows are written as deltas and not kept: the state is the newest
/// times, the groups of windows that may still change, ids of steps in flight, and what an agent sent. A
/// record without a value is passed over. Not thread-safe, like every Task.
std::unique_ptr<flow::Task> make_kpi_task(std::shared_ptr<const Program> program, TaskOptions options,
                                          std::span<const flow::SourcePartition> partitions,
                                          std::string part);

/// The `part` of rows that the Task of a plan writes: what follows "engine/name" in its id.
std::string part_of(std::string_view task_id);

}  // namespace waybill::kpi
