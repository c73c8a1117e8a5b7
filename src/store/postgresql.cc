// READ COMMITTED for writers: every row that two processes could want is locked before it is read (the Task's
// row, the outbox counter, rows with sketches), so a stricter level would only cause more retries. A writer
// that is stopped inside a transaction is cut off by the server after five seconds, so that the next owner of
// its Tasks does not wait for ever.
#include "store/postgresql.h"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <algorithm>

#include "base/percent.h"
#include "store/server_url.h"
#include "store/statement.h"

namespace waybill::store {
namespace {

constexpr uint16_t kPostgresqlPort = 5432;
constexpr int64_t kSchemaLock = 0x5741594249'4c4cLL;  ///< "WAYBILL": an advisory lock of this database

constexpr Words kPostgresqlWords{
    .begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED",
    .begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    .quote = "\"",
    .key_text = "TEXT COLLATE \"C\" NOT NULL",
    .text = "TEXT COLLATE \"C\" NOT NULL DEFAULT ''",
    .int64 = "BIGINT NOT NULL DEFAULT 0",
    .real = "DOUBLE PRECISION NOT NULL DEFAULT 0",
    .table_suffix = "",
    .least = "LEAST",
    .greatest = "GREATEST",
    .sum_before = "CAST(",
    .sum_after = " AS BIGINT)",
    .row_list = "",
    .lock_rows = " FOR UPDATE",
    .parameter = ":v",
    .upsert = Words::Upsert::kOnConflict,
    .rows = Words::Rows::kArrays,
    .parameters_max = 32'000,
};

class Postgresql final : public Dialect {
 public:
  explicit Postgresql(ServerUrl url) : url_(std::move(url)) {}

  const Words& words() const override { return kPostgresqlWords; }
  std::string place() const override { return url_.place(); }
  Result<void> claim() override;
  Session connect(Access access) const override;
  Failure explain() const noexcept override;
  void lock_schema(soci::session& session) const override {
    session << "SELECT pg_advisory_xact_lock(" + std::to_string(kSchemaLock) + ")";
  }

 private:
  std::string connect_text(const std::string& password) const;
  Failure explain_state(std::string_view state, const std::string& message) const;

  ServerUrl url_;
};

/// A URI, because SOCI takes "name='value'" apart by itself and does not know libpq's quotes.
std::string Postgresql::connect_text(const std::string& password) const {
  std::string text = "postgresql://" + percent_encode(url_.user);
  if (!password.empty()) text += ":" + percent_encode(password);
  text += "@" + (url_.host.find(':') == url_.host.npos ? percent_encode(url_.host) : "[" + url_.host + "]");
  text += ":" + std::to_string(url_.port) + "/" + percent_encode(url_.database) +
          "?client_encoding=UTF8&application_name=waybill&connect_timeout=5&keepalives_idle=10&"
          "keepalives_interval=5&keepalives_count=3&tcp_user_timeout=20000";
  for (const char* option : {"sslmode", "sslrootcert", "sslcert", "sslkey"}) {
    const std::string value = url_.option(option);
    if (!value.empty()) text += "&" + std::string(option) + "=" + percent_encode(value);
  }
  return text;
}

Session Postgresql::connect(Access access) const {
  auto password = url_.password();
  if (!password) throw soci::soci_error(password.error().message);
  Session session(new soci::session(soci::postgresql, connect_text(*password)));
  // libpq would print notices, and why the server ends an idle connection, on our standard error.
  auto* backend = static_cast<soci::postgresql_session_backend*>(session->get_backend());
  PQsetNoticeProcessor(
      backend->conn_, [](void*, const char*) {}, nullptr);
  *session << "SET statement_timeout = '60s'";
  *session << "SET lock_timeout = '10s'";
  if (access == Access::kWrite) *session << "SET idle_in_transaction_session_timeout = '5s'";
  if (const std::string schema = url_.option("schema"); !schema.empty())
    *session << "SET search_path = \"" + schema + "\"";
  return session;
}

/// The schema must be there, and hold our tables or none.
Result<void> Postgresql::claim() {
  const std::string where = "store " + url_.place() + ": ";
  try {
    const Session session = connect(Access::kRead);
    std::string encoding, schema, ours, foreign;
    *session << "SHOW server_encoding", soci::into(encoding);
    *session << "SELECT COALESCE(current_schema(), '')", soci::into(schema);
    if (encoding != "UTF8")
      return fail(Errc::kUnsupported, where + "the database's encoding is " + encoding + ", it must be UTF8");
    if (schema.empty())
      return fail(Errc::kNotFound,
                  where + "the schema does not exist: CREATE SCHEMA " + url_.option("schema", "public"));
    *session << "SELECT COALESCE(MAX(tablename) FILTER (WHERE tablename = 'flow_meta'), ''), "
                "COALESCE(MIN(tablename), '') FROM pg_tables WHERE schemaname = current_schema()",
        soci::into(ours), soci::into(foreign);
    if (ours.empty() && !foreign.empty())
      return fail(Errc::kCorrupt, where + "the schema " + schema + " holds tables of another program (" +
                                      foreign + "); use a database or ?schema=NAME of its own");
    return {};
  } catch (...) {
    return tl::unexpected(explain().error);
  }
}

Failure Postgresql::explain_state(std::string_view state, const std::string& message) const {
  using Kind = Failure::Kind;
  const std::string text = "store " + url_.place() + ": " + message;
  const std::string_view group = state.substr(0, 2);
  if (state == "40001" || state == "40P01" || state == "23505")
    return {{Errc::kUnavailable, text}, Kind::kCollided};
  if (group == "08" || group == "57" || state == "25P03" || state.find_first_not_of(' ') == state.npos)
    return {{Errc::kUnavailable, text}, state == "57014" ? Kind::kRefused : Kind::kLost};
  if (state == "55P03" || state == "53300") return {{Errc::kUnavailable, text}};
  if (group == "53" || group == "54") return {{Errc::kLimit, text}};
  if (group == "28" || state == "42501" || state == "25006") return {{Errc::kDenied, text}};
  if (group == "XX") return {{Errc::kCorrupt, text}};
  return {{Errc::kInvalid, text}};
}

/// libpq's messages have several lines, some of which quote rows.
std::string first_lines(const std::string& message) {
  std::string line = message.substr(0, message.find("\nDETAIL"));
  while (line.ends_with('\n')) line.pop_back();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

Failure Postgresql::explain() const noexcept {
  try {
    throw;
  } catch (const soci::postgresql_soci_error& e) {
    return explain_state(e.sqlstate(), first_lines(e.get_error_message()));
  } catch (const soci::soci_error& e) {  // not connected
    return {{Errc::kUnavailable, "store " + url_.place() + ": " + first_lines(e.get_error_message())},
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

Result<std::unique_ptr<Dialect>> make_postgresql(std::string_view text) {
  auto url =
      parse_server_url(text, kPostgresqlPort, {"schema", "sslmode", "sslrootcert", "sslcert", "sslkey"});
  if (!url) return tl::unexpected(std::move(url.error()));
  const std::string schema = url->option("schema");
  const bool plain = std::all_of(schema.begin(), schema.end(), [](unsigned char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  if (!plain) return fail(Errc::kInvalid, "store: a schema's name has letters, digits and _ only");
  return std::make_unique<Postgresql>(std::move(*url));
}

}  // namespace waybill::store
