#pragma once
// MariaDB 10.3 and later and MySQL 8 as a store, shared by any number of processes.

#include <memory>
#include <string_view>

#include "base/result.h"
#include "store/dialect.h"

namespace waybill::store {

/// `url` is "mysql://user:password@host:port/database" or "mariadb://..." with the options sslca, sslcert,
/// sslkey, password_file. kInvalid when it cannot be understood.
Result<std::unique_ptr<Dialect>> make_mysql(std::string_view url);

}  // namespace waybill::store
