#include <string>
#include <string_view>

#include "store/sql_store.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace waybill::store {

Result<std::unique_ptr<flow::Store>> open_store(const StoreOptions& options, LogFn log) {
  constexpr std::string_view kSqlite = "sqlite:";
  const std::string_view url = options.url;
  if (!url.starts_with(kSqlite)) {
    return fail(Errc::kUnsupported, "store: \"" + options.url.substr(0, options.url.find(':')) +
                                        "\" is unknown; known is sqlite:PATH");
  }
  auto dialect = make_sqlite(url.substr(kSqlite.size()));
  if (!dialect) return tl::unexpected(std::move(dialect.error()));
  auto store = open_sql_store(std::move(*dialect), options.retention);
  if (store && log)
    log(LogLevel::kInfo,
        "store " + options.url.substr(0, options.url.find('?')) + " is open, id " + (*store)->id());
  return store;
}

}  // namespace waybill::store
