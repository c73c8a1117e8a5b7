#pragma once
// flow::Store over any dialect.

#include <memory>

#include "flow/store.h"
#include "store/dialect.h"

namespace waybill::store {

/// Claims the place, makes or checks the store's own tables. Errors as open_store().
Result<std::unique_ptr<flow::Store>> open_sql_store(std::unique_ptr<Dialect> dialect,
                                                    flow::RetentionConfig retention);

}  // namespace waybill::store
