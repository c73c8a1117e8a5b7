#pragma once
// Daily indices that are too old.

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "search/connection.h"

namespace waybill::sink {

/// Deletes the indices of `alias` for days before `oldest_day` (days since 1970-01-01) and tells each. One
/// request, and one an index.
Result<void> delete_old_indices(search::Connection& connection, const std::string& alias, int64_t oldest_day,
                                const std::function<void(const std::string& index)>& told);

}  // namespace waybill::sink
