#pragma once
// What one SQL server does differently. A new server is one file that fills in Words and the functions
// below.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace soci {
class session;
}

namespace waybill::store {

/// The pieces of SQL in which servers differ. Everything else that the store says is common SQL.
struct Words {
  std::string_view begin_write;  ///< a transaction that excludes other writers of the same rows from its
                                 ///< first statement on
  std::string_view begin_read;   ///< a transaction that sees one snapshot
  std::string_view quote;        ///< around identifiers
  std::string_view key_text;     ///< type of a text key column, compared byte by byte
  std::string_view text, int64, real;      ///< types of value columns, NOT NULL with an empty or zero default
  std::string_view table_suffix;           ///< after the closing parenthesis of CREATE TABLE
  std::string_view least, greatest;        ///< functions of two arguments
  std::string_view sum_before, sum_after;  ///< around an int64 column, so that its sum comes back as an int64
  std::string_view row_list;               ///< before a parenthesised list of rows behind IN
  std::string_view by_key = "";  ///< behind the table of a statement that names many whole keys: do not even
                                 ///< think of other indexes (MariaDB thinks for 0.2 s)
  std::string_view lock_rows;    ///< behind a SELECT whose rows are changed later in the transaction
  /// "?" or ":v", bound by position. PostgreSQL's own "$12" would work until a statement fails: SOCI then
  /// looks for the parameters' names and throws std::out_of_range in place of the server's error.
  const char* parameter = "?";
  enum class Upsert { kOnConflict, kOnDuplicateKey } upsert = Upsert::kOnConflict;
  /// How a statement over many rows gets them: a parameter for each value, or one array for each column.
  /// Binding and planning 13,000 parameters costs more than reading as many elements of arrays.
  enum class Rows { kParameters, kArrays } rows = Rows::kParameters;
  size_t parameters_max = 32'000;  ///< of one statement
  /// Where DDL commits at once and knows no IF NOT EXISTS for columns and indexes: counts the columns of one
  /// table (first parameter) with one name (second). Indexes are then part of CREATE TABLE.
  std::string_view count_columns = "";
  /// Whether a comparison of rows, (a, b) > (1, 2), needs a >= 1 beside it to become a range of the key.
  /// Where it does not, the addition may hide the better range: SQLite then reads all of an `a` again for
  /// every page.
  bool row_range_needs_first = false;
  /// Whether a list of rows of parameters behind IN is not looked up by key, one that a join by key has found
  /// is. SQLite reads the whole table otherwise, for each statement.
  bool rows_are_found_first = false;
};

enum class Access { kWrite, kRead };

/// What a failed statement means for its transaction and connection.
struct Failure {
  enum class Kind {
    kRefused,   ///< it cannot be done; the connection lives
    kCollided,  ///< another transaction was in the way: the same again may succeed
    kLost,      ///< the connection is gone; what was sent last may have been carried out
  };
  Error error;
  Kind kind = Kind::kRefused;
};

/// Closes the connection, which rolls back what is open. Keeps SOCI's headers out of the files that only pass
/// sessions on.
struct CloseSession {
  void operator()(soci::session* session) const noexcept;
};
using Session = std::unique_ptr<soci::session, CloseSession>;

/// Thread-safe. connect() throws soci::soci_error; the callers in this folder catch it.
class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual const Words& words() const = 0;
  /// For logs; never holds a password.
  virtual std::string place() const = 0;
  /// Makes sure, before anything is written, that the place is empty or ours, and holds it against other
  /// processes where the server cannot be shared. Called once.
  virtual Result<void> claim() = 0;
  virtual Session connect(Access access) const = 0;
  /// Call inside a catch block: what the exception means. Never throws. The message never holds a password.
  virtual Failure explain() const noexcept = 0;
  /// Around making and altering tables, inside a write transaction: other processes wait meanwhile.
  virtual void lock_schema(soci::session&) const {}
  virtual void unlock_schema(soci::session&) const noexcept {}
};

}  // namespace waybill::store
