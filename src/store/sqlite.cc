// Journal: WAL, so that the API reads beside the commit. synchronous=FULL: one fsync per commit, five a
// second at the default commit interval. With NORMAL a power cut would take back the newest commits:
// positions and rows together, so counts would stay exact, but outbox sequences that sinks have seen would be
// used a second time. Auto-checkpoint as SQLite does it; after a big transaction the WAL is cut back to 64
// MiB.
#include "store/sqlite.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>

#include "store/lock_file.h"

namespace waybill::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kApplicationId = 0x57415942;  ///< "WAYB", at byte 68 of the file
constexpr size_t kHeaderBytes = 100;
/// A commit of some MiB reads back each page that its rows are merged into unless the cache holds it: with
/// SQLite's 2 MiB a ledger read three times the bytes that it wrote.
constexpr int kWriterCacheKib = 32 << 10;
constexpr std::string_view kMagic("SQLite format 3\0", 16);

constexpr Words kSqliteWords{
    .begin_write = "BEGIN IMMEDIATE",
    .begin_read = "BEGIN",
    .quote = "\"",
    .key_text = "TEXT NOT NULL",
    .text = "TEXT NOT NULL DEFAULT ''",
    .int64 = "BIGINT NOT NULL DEFAULT 0",
    .real = "DOUBLE NOT NULL DEFAULT 0",
    .table_suffix = " WITHOUT ROWID",
    .least = "MIN",
    .greatest = "MAX",
    .sum_before = "",
    .sum_after = "",
    .row_list = "VALUES ",
    .lock_rows = "",
    .parameter = "?",
    .upsert = Words::Upsert::kOnConflict,
    .parameters_max = 32'000,
    .rows_are_found_first = true,
};

class Sqlite final : public Dialect {
 public:
  Sqlite(std::string path, std::optional<int64_t> max_pages)
      : path_(std::move(path)), max_pages_(max_pages) {}

  const Words& words() const override { return kSqliteWords; }
  std::string place() const override { return "sqlite:" + path_; }
  Result<void> claim() override;
  Session connect(Access access) const override;
  Failure explain() const noexcept override;

 private:
  Result<void> check_ours() const;
  Error explain_code(int code, const std::string& message) const;
  bool disk_full() const;

  std::string path_;
  std::optional<int64_t> max_pages_;
  LockFile lock_;
};

Result<void> Sqlite::claim() {
  if (auto ours = check_ours(); !ours) return ours;
  auto lock = LockFile::take(path_ + ".lock");
  if (!lock) return tl::unexpected(std::move(lock.error()).within("store " + path_));
  lock_ = std::move(*lock);
  return {};
}

/// Looks at the file's header only, so that a file that is not ours stays as it is.
Result<void> Sqlite::check_ours() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return tl::unexpected(system_error(errno, "cannot open store", path_));
  }
  if (!S_ISREG(info.st_mode)) return fail(Errc::kInvalid, "store " + path_ + " is not a file");
  if (info.st_size == 0) return {};
  std::ifstream file(path_, std::ios::binary);
  if (!file) return tl::unexpected(system_error(errno, "cannot read store", path_));
  char header[kHeaderBytes] = {};
  file.read(header, sizeof header);
  if (std::string_view(header, kMagic.size()) != kMagic)
    return fail(Errc::kCorrupt, "store " + path_ + " is not an SQLite file");
  int64_t id = 0;
  for (size_t i = 68; i < 72; ++i) id = id << 8 | static_cast<unsigned char>(header[i]);
  if (id != kApplicationId)
    return fail(Errc::kCorrupt, "store " + path_ + " is an SQLite file of another program");
  return {};
}

Session Sqlite::connect(Access access) const {
  Session session(new soci::session(soci::sqlite3, "dbname=\"" + path_ + "\" timeout=1"));
  if (access == Access::kRead) {
    *session << "PRAGMA query_only = ON";
    return session;
  }
  int64_t id = 0;
  *session << "PRAGMA application_id", soci::into(id);
  if (id != kApplicationId) *session << "PRAGMA application_id = " << kApplicationId;
  std::string mode;
  *session << "PRAGMA journal_mode = WAL", soci::into(mode);
  *session << "PRAGMA synchronous = FULL";
  int64_t limit = 0;
  *session << "PRAGMA journal_size_limit = 67108864", soci::into(limit);
  *session << "PRAGMA cache_size = -" + std::to_string(kWriterCacheKib);
  *session << "PRAGMA temp_store = MEMORY";
  if (max_pages_) *session << "PRAGMA max_page_count = " + std::to_string(*max_pages_), soci::into(limit);
  return session;
}

bool Sqlite::disk_full() const {
  struct statvfs info {};
  return ::statvfs(path_.c_str(), &info) == 0 && info.f_bavail == 0;
}

Error Sqlite::explain_code(int code, const std::string& message) const {
  const std::string where = "store " + path_ + ": ";
  switch (code & 0xff) {
    case SQLITE_FULL: {
      const std::string bound =
          max_pages_ ? "the disk or the bound max_pages=" + std::to_string(*max_pages_) : "the disk";
      return {Errc::kLimit, where + bound + " is full"};
    }
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::kUnavailable, where + "another program keeps it locked"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Errc::kCorrupt, where + "the file is damaged (" + message + ")"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {Errc::kDenied, where + "no right to write"};
    case SQLITE_IOERR:
      if (disk_full()) return {Errc::kLimit, where + "the disk is full"};
      return {Errc::kUnavailable, where + message};
    case SQLITE_CANTOPEN:
      return {Errc::kUnavailable, where + "cannot open the file or a file beside it"};
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return {Errc::kLimit, where + message};
    default:
      return {Errc::kInvalid, where + message};
  }
}

Failure Sqlite::explain() const noexcept {
  try {
    throw;
  } catch (const soci::sqlite3_soci_error& e) {
    return {explain_code(e.result(), e.get_error_message())};
  } catch (const soci::soci_error& e) {
    return {{Errc::kUnavailable, "store " + path_ + ": " + e.get_error_message()}};
  } catch (const std::bad_alloc&) {
    return {{Errc::kLimit, "store: out of memory"}};
  } catch (const std::exception& e) {
    return {{Errc::kInvalid, "store " + path_ + ": " + e.what()}};
  } catch (...) {
    return {{Errc::kInvalid, "store " + path_ + ": an unknown exception"}};
  }
}

}  // namespace

Result<std::unique_ptr<Dialect>> make_sqlite(std::string_view place) {
  constexpr std::string_view kOption = "max_pages=";
  std::optional<int64_t> max_pages;
  if (const size_t mark = place.find('?'); mark != std::string_view::npos) {
    std::string_view option = place.substr(mark + 1);
    place = place.substr(0, mark);
    int64_t pages = 0;
    const bool known = option.starts_with(kOption);
    if (known) option.remove_prefix(kOption.size());
    const auto [end, error] = std::from_chars(option.data(), option.data() + option.size(), pages);
    if (!known || error != std::errc() || end != option.data() + option.size() || pages < 1) {
      return fail(
          Errc::kInvalid,
          "store: the only option behind sqlite:PATH is ?max_pages=N with N > 0 (pages of 4096 bytes)");
    }
    max_pages = pages;
  }
  if (place.empty()) return fail(Errc::kInvalid, "store: a path is missing behind sqlite:");
  if (place.find_first_of(std::string_view("\"\0", 2)) != std::string_view::npos) {
    return fail(Errc::kInvalid, "store: the path must not contain a quote or NUL");
  }
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(fs::path(place), error), error);
  if (error) return fail(Errc::kUnavailable, "store " + std::string(place) + ": " + error.message());
  return std::make_unique<Sqlite>(path.string(), max_pages);
}

}  // namespace waybill::store
