#include <string>
#include <string_view>

#include "store/mysql.h"
#include "store/postgresql.h"
#include "store/sql_store.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace waybill::store {
namespace {

Result<std::unique_ptr<Dialect>> make_dialect(std::string_view url) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (url.starts_with(kSqlite)) return make_sqlite(url.substr(kSqlite.size()));
  if (url.starts_with("postgresql:") || url.starts_with("postgres:")) return make_postgresql(url);
  if (url.starts_with("mysql:") || url.starts_with("mariadb:")) return make_mysql(url);
  return fail(Errc::kUnsupported, "store: \"" + std::string(url.substr(0, url.find(':'))) +
                                      "\" is unknown; known are sqlite:PATH, "
                                      "postgresql://user:password@host:port/database, "
                                      "mysql://user:password@host:port/database");
}

}  // namespace

Result<std::unique_ptr<flow::Store>> open_store(const StoreOptions& options, LogFn log) {
  auto dialect = make_dialect(options.url);
  if (!dialect) return tl::unexpected(std::move(dialect.error()));
  const std::string place = (*dialect)->place();
  auto store = open_sql_store(std::move(*dialect), options.retention);
  if (store && log) log(LogLevel::kInfo, "store " + place + " is open, id " + (*store)->id());
  return store;
}

}  // namespace waybill::store
