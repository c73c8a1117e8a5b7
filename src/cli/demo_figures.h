#pragma once
// What the demo's clients did against what was found, as a table.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "cli/demo_clients.h"
#include "flow/store.h"

namespace waybill::cli {

/// (topic, group or empty, figure) -> count. Figures: produced, failed; consumed, redelivered, lost,
/// pending.
using DemoFigures = std::map<std::tuple<std::string, std::string, std::string>, int64_t>;

/// By the clients' own observation: an acknowledged offset that a group was not handed is lost below the
/// highest that it was handed in that partition, else pending; hand-outs beyond the first are redelivered.
DemoFigures planted_figures(const std::vector<DemoWitness>& producers,
                            const std::map<std::string, std::vector<DemoWitness>>& groups);

/// The same figures from the store's rows, where `like` has them.
Result<DemoFigures> found_figures(flow::Store& store, const DemoFigures& like);

/// Aligned columns: topic, group, figure, planted, found; rows that differ are marked in words, and in red
/// with `colour`.
std::string demo_table(const DemoFigures& planted, const DemoFigures& found, bool colour);

/// "12,345"
std::string with_commas(int64_t n);

}  // namespace waybill::cli
