// Text keys are VARBINARY: compared byte by byte, trailing blanks included, which no collation does on both
// MariaDB and MySQL; and an index of six text columns fits into InnoDB's 3072 bytes, which VARCHAR(255) in
// utf8mb4 does not (docs/decisions/0006). Writers are READ COMMITTED, so that InnoDB locks rows and no gaps
// between them; a writer that is stopped inside a transaction is cut off by the server.
#include "store/mysql.h"

#include <soci/mysql/soci-mysql.h>
#include <soci/soci.h>

#include <algorithm>

#include "store/server_url.h"
#include "store/storable.h"
#include "store/writer.h"

namespace waybill::store {
namespace {

constexpr uint16_t kMysqlPort = 3306;
/// A statement of kStatementBytesMax whose every second byte needs a backslash, and one more row.
constexpr int64_t kPacketBytesMin = 3 * static_cast<int64_t>(kStatementBytesMax);

static_assert(kKeyTextBytesMax == 255);
constexpr Words kMysqlWords{
    .begin_write = "START TRANSACTION",
    .begin_read = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    .quote = "`",
    .key_text = "VARBINARY(255) NOT NULL",
    .text = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT ('')",
    .int64 = "BIGINT NOT NULL DEFAULT 0",
    .real = "DOUBLE NOT NULL DEFAULT 0",
    .table_suffix = " ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    .least = "LEAST",
    .greatest = "GREATEST",
    .sum_before = "CAST(",
    .sum_after = " AS SIGNED)",
    .row_list = "",
    .by_key = " FORCE INDEX (PRIMARY)",
    .lock_rows = " FOR UPDATE",
    .parameter = ":v",
    .upsert = Words::Upsert::kOnDuplicateKey,
    .parameters_max = 32'000,
    .count_columns =
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND "
        "table_name = :v AND column_name = :v",
    .row_range_needs_first = true,
};

class Mysql final : public Dialect {
 public:
  explicit Mysql(ServerUrl url) : url_(std::move(url)) {}

  const Words& words() const override { return kMysqlWords; }
  std::string place() const override { return url_.place(); }
  Result<void> claim() override;
  Session connect(Access access) const override;
  Failure explain() const noexcept override;
  void lock_schema(soci::session& session) const override;
  void unlock_schema(soci::session& session) const noexcept override;

 private:
  std::string connect_text(const std::string& password) const;
  Failure explain_code(unsigned code, const std::string& message) const;

  ServerUrl url_;
};

std::string Mysql::connect_text(const std::string& password) const {
  std::string text = connect_parameter("host", url_.host) +
                     connect_parameter("port", std::to_string(url_.port)) +
                     connect_parameter("db", url_.database) + connect_parameter("user", url_.user) +
                     "charset=utf8mb4 connect_timeout=5 read_timeout=60 write_timeout=20 ";
  if (!password.empty()) text += connect_parameter("password", password);
  for (const char* option : {"sslca", "sslcert", "sslkey"}) {
    if (const std::string value = url_.option(option); !value.empty())
      text += connect_parameter(option, value);
  }
  return text;
}

Session Mysql::connect(Access access) const {
  auto password = url_.password();
  if (!password) throw soci::soci_error(password.error().message);
  Session session(new soci::session(soci::mysql, connect_text(*password)));
  *session << "SET SESSION sql_mode = 'TRADITIONAL', innodb_lock_wait_timeout = 10, lock_wait_timeout = 30";
  if (access == Access::kRead) {
    *session << "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    return session;
  }
  *session << "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
  // MariaDB can tell an open transaction from an idle connection; on MySQL both end, and an idle writer
  // connects again.
  *session << "SET SESSION net_write_timeout = 60 /*M!100300 , idle_transaction_timeout = 5 */ /*!80000 , "
              "wait_timeout = 10 */";
  return session;
}

/// The database must hold our tables or none, and packets must be large enough for our statements.
Result<void> Mysql::claim() {
  const std::string where = "store " + url_.place() + ": ";
  try {
    const Session session = connect(Access::kRead);
    int64_t packet = 0, ours = 0;
    std::string foreign;
    *session << "SELECT @@max_allowed_packet", soci::into(packet);
    if (packet < kPacketBytesMin)
      return fail(Errc::kUnsupported, where + "max_allowed_packet is " + std::to_string(packet) +
                                          " bytes, at least " + std::to_string(kPacketBytesMin) +
                                          " are needed");
    *session << "SELECT COUNT(CASE WHEN table_name = 'flow_meta' THEN 1 END), COALESCE(MIN(table_name), '') "
                "FROM information_schema.tables WHERE table_schema = DATABASE()",
        soci::into(ours), soci::into(foreign);
    if (ours == 0 && !foreign.empty())
      return fail(Errc::kCorrupt, where + "the database holds tables of another program (" + foreign +
                                      "); use one of its own");
    return {};
  } catch (...) {
    return tl::unexpected(explain().error);
  }
}

/// DDL commits at once here, so the lock is one of the connection and not of the transaction.
void Mysql::lock_schema(soci::session& session) const {
  int64_t got = 0;
  soci::indicator null = soci::i_ok;
  session << "SELECT GET_LOCK(CONCAT('waybill.', MD5(DATABASE())), 30)", soci::into(got, null);
  if (null == soci::i_null || got != 1)
    throw soci::soci_error("another process has been making or altering tables for 30 s");
}

void Mysql::unlock_schema(soci::session& session) const noexcept {
  try {
    int64_t released = 0;
    soci::indicator null = soci::i_ok;
    session << "SELECT RELEASE_LOCK(CONCAT('waybill.', MD5(DATABASE())))", soci::into(released, null);
  } catch (...) {  // the connection is gone, and the lock with it
  }
}

Failure Mysql::explain_code(unsigned code, const std::string& message) const {
  using Kind = Failure::Kind;
  const std::string text = "store " + url_.place() + ": " + message;
  switch (code) {
    case 1213:  // deadlock
    case 1062:  // a row that another process has made
    case 1020:  // a row that another process has changed
      return {{Errc::kUnavailable, text}, Kind::kCollided};
    case 1205:  // lock wait
    case 1040:  // too many connections
    case 1203:
    case 1317:  // the statement was killed
    case 3024:  // max_execution_time
    case 1969:
      return {{Errc::kUnavailable, text}};
    case 1021:  // disk full
    case 1114:  // table full
    case 1037:
    case 1038:
    case 1041:
    case 1153:  // packet too large
    case 1104:
      return {{Errc::kLimit, text}};
    case 1044:
    case 1045:
    case 1142:
    case 1143:
    case 1227:
    case 1290:  // read-only server
    case 1698:
    case 1792:
    case 1836:
      return {{Errc::kDenied, text}};
    case 1049:
      return {{Errc::kNotFound, text + "; CREATE DATABASE " + url_.database}};
    case 1034:
    case 1035:
    case 1194:
    case 1195:
      return {{Errc::kCorrupt, text}};
    case 1053:  // shutdown
    case 1152:
    case 1927:  // killed
    case 4031:  // disconnected after wait_timeout
      return {{Errc::kUnavailable, text}, Kind::kLost};
    default:
      if (code >= 2000 && code < 3000) return {{Errc::kUnavailable, text}, Kind::kLost};
      if (code >= 1158 && code <= 1161) return {{Errc::kUnavailable, text}, Kind::kLost};
      return {{Errc::kInvalid, text + " (" + std::to_string(code) + ")"}};
  }
}

Failure Mysql::explain() const noexcept {
  try {
    throw;
  } catch (const soci::mysql_soci_error& e) {
    return explain_code(e.err_num_, e.get_error_message());
  } catch (const soci::soci_error& e) {
    return {{Errc::kUnavailable, "store " + url_.place() + ": " + e.get_error_message()},
            Failure::Kind::kLost};
  } catch (const std::bad_alloc&) {
    return {{Errc::kLimit, "store: out of memory"}};
  } catch (const std::exception& e) {
    return {{Errc::kInvalid, "store " + url_.place() + ": " + e.what()}};
  } catch (...) {
    return {{Errc::kInvalid, "store " + url_.place() + ": an unknown exception"}};
  }
}

}  // namespace

Result<std::unique_ptr<Dialect>> make_mysql(std::string_view text) {
  auto url = parse_server_url(text, kMysqlPort, {"sslca", "sslcert", "sslkey"});
  if (!url) return tl::unexpected(std::move(url.error()));
  return std::make_unique<Mysql>(std::move(*url));
}

}  // namespace waybill::store
