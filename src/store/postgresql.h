#pragma once
// PostgreSQL 12 and later as a store, shared by any number of processes.

#include <memory>
#include <string_view>

#include "base/result.h"
#include "store/dialect.h"

namespace waybill::store {

/// `url` is "postgresql://user:password@host:port/database" with the options schema, sslmode, sslrootcert,
/// sslcert, sslkey, password_file. kInvalid when it cannot be understood.
Result<std::unique_ptr<Dialect>> make_postgresql(std::string_view url);

}  // namespace waybill::store
