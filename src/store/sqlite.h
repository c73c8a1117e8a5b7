#pragma once
// SQLite as a store: one file, held by one process.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/dialect.h"

namespace waybill::store {

/// `place` is what follows "sqlite:" in the URL: a path and options ("?max_pages=N"). kInvalid when it cannot
/// be understood.
Result<std::unique_ptr<Dialect>> make_sqlite(std::string_view place);

}  // namespace waybill::store
