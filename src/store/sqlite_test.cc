// What only SQLite does: files that are not ours, locks, a full disk.
#include "store/sqlite.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "store/row_parameters.h"
#include "store/sql_text.h"
#include "store/statement.h"
#include "store/store_test.h"

namespace waybill::store {
namespace {

Error open_error(const std::string& url) {
  auto store = open_store({.url = url, .retention = {}}, nullptr);
  return store ? Error{Errc::kEndOfData, "it opened"} : store.error();
}

#define EXPECT_SAYS(error, errc, part)                                     \
  do {                                                                     \
    const Error said = (error);                                            \
    EXPECT_EQ(said.code, errc) << said.message;                            \
    EXPECT_NE(said.message.find(part), std::string::npos) << said.message; \
  } while (false)

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

soci::session raw(const std::string& path) {
  return soci::session(soci::sqlite3, "dbname=\"" + path + "\" timeout=0");
}

void ensure_sample(flow::Store& store) {
  const flow::TableSpec* const tables[] = {&sample_table()};
  ASSERT_TRUE(store.ensure(tables));
}

TEST(SqliteUrl, SaysWhatIsAllowed) {
  EXPECT_SAYS(open_error("oracle:x"), Errc::kUnsupported, "sqlite:PATH");
  EXPECT_SAYS(open_error(""), Errc::kUnsupported, "sqlite:PATH");
  EXPECT_SAYS(open_error("sqlite:"), Errc::kInvalid, "path is missing");
  EXPECT_SAYS(open_error("sqlite:x?mode=ro"), Errc::kInvalid, "max_pages=N");
  EXPECT_SAYS(open_error("sqlite:x?max_pages=-3"), Errc::kInvalid, "max_pages=N");
  EXPECT_SAYS(open_error("sqlite:a\"b"), Errc::kInvalid, "quote");
}

TEST(SqlitePlace, NamesThePathAndTheReasonWhenItCannotBeOpened) {
  TempFolder folder;
  EXPECT_SAYS(open_error("sqlite:" + folder.path("none/waybill.db")), Errc::kUnavailable,
              "none/waybill.db.lock: No such file");
  std::ofstream(folder.path("file")) << "x";
  EXPECT_SAYS(open_error("sqlite:" + folder.path("file/waybill.db")), Errc::kUnavailable, "Not a directory");
  ::mkdir(folder.path("dir").c_str(), 0755);
  EXPECT_SAYS(open_error("sqlite:" + folder.path("dir")), Errc::kInvalid, "is not a file");
  EXPECT_SAYS(open_error("sqlite:/proc/waybill.db"), Errc::kUnavailable, "/proc/waybill.db");
}

TEST(SqlitePlace, TakesAPathWithBlanks) {
  TempFolder folder;
  const std::string path = folder.path("my store; x=1 \xc3\xa9.db");
  must_open("sqlite:" + path);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(SqlitePlace, LeavesForeignFilesAsTheyAre) {
  TempFolder folder;
  const std::string text = folder.path("notes.txt");
  std::ofstream(text) << std::string(5000, 'n');
  EXPECT_SAYS(open_error("sqlite:" + text), Errc::kCorrupt, "not an SQLite file");
  EXPECT_EQ(content(text), std::string(5000, 'n'));

  const std::string foreign = folder.path("app.db");
  raw(foreign) << "CREATE TABLE users (name TEXT)";
  const std::string before = content(foreign);
  EXPECT_SAYS(open_error("sqlite:" + foreign), Errc::kCorrupt, "another program");
  EXPECT_EQ(content(foreign), before);
  EXPECT_FALSE(std::filesystem::exists(foreign + ".lock"));
}

TEST(SqlitePlace, AnEmptyFileIsANewStore) {
  TempFolder folder;
  std::ofstream(folder.path("w.db")).flush();
  EXPECT_EQ(must_open("sqlite:" + folder.path("w.db"))->id().size(), 32u);
}

TEST(SqlitePlace, RefusesTheSchemaOfANewerBuild) {
  TempFolder folder;
  const std::string path = folder.path("w.db");
  must_open("sqlite:" + path);
  raw(path) << "UPDATE flow_meta SET value = '99' WHERE name = 'schema'";
  EXPECT_SAYS(open_error("sqlite:" + path), Errc::kUnsupported, "schema 99");
}

TEST(SqlitePlace, ReportsADamagedFile) {
  TempFolder folder;
  const std::string path = folder.path("w.db");
  must_open("sqlite:" + path);
  std::string bytes = content(path);
  std::fill(bytes.begin() + 100, bytes.end(), '\x5a');
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_SAYS(open_error("sqlite:" + path), Errc::kCorrupt, "damaged");
}

TEST(SqliteLock, NamesTheProcessThatHoldsTheStore) {
  TempFolder folder;
  const std::string url = "sqlite:" + folder.path("w.db");
  auto first = must_open(url);
  EXPECT_SAYS(open_error(url), Errc::kConflict, "this process holds");
  first.reset();

  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready) + ::pipe(done), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  char byte = 0;
  if (child == 0) {
    auto store = open_store({.url = url, .retention = {}}, nullptr);
    (void)!::write(ready[1], store ? "y" : "n", 1);
    (void)!::read(done[0], &byte, 1);
    ::_exit(0);  // without closing the store, as a killed process
  }
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  EXPECT_SAYS(open_error(url), Errc::kConflict, "process " + std::to_string(child) + " holds");
  ASSERT_EQ(::write(done[1], "x", 1), 1);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(must_open(url)->id().size(), 32u) << "the lock ends with the process";
  for (int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
}

TEST(SqliteLock, AStrangersWriteLockIsUnavailableAndPasses) {
  TempFolder folder;
  const std::string path = folder.path("w.db");
  auto store = must_open("sqlite:" + path);
  ensure_sample(*store);
  Owner task(*store, "t");
  {
    soci::session stranger = raw(path);
    stranger << "BEGIN IMMEDIATE";
    auto refused = task.commit_rows({put("a", 1, {.count = 1})});
    ASSERT_FALSE(refused);
    EXPECT_SAYS(refused.error(), Errc::kUnavailable, "another program keeps it locked");
    EXPECT_TRUE(all_rows(*store, sample_table()).empty()) << "reading goes on";
  }
  EXPECT_TRUE(task.commit_rows({put("a", 1, {.count = 1})}));
}

/// Fills the store until it refuses; returns how many of these commits were taken.
int fill(Owner& task, Error& refusal) {
  for (int i = 0; i < 10'000; ++i) {
    flow::Changes changes{.rows = {put("count", 1, {.count = 1}),
                                   put("fill" + std::to_string(i), 1, {.note = std::string(20'000, 'x')})},
                          .segments = {{flow::SegmentChange::Op::kReplace, "n", std::to_string(i + 1)}}};
    auto done = task.commit(std::move(changes), {{{"c", "t", PartitionId(0)}, Offset(i + 1)}});
    if (!done) {
      refusal = done.error();
      return i;
    }
  }
  return -1;
}

TEST(SqliteKeys, ManyRowsAreLookedUpByKeyNotByReadingTheTable) {
  TempFolder folder;
  const std::string path = folder.path("w.db");
  ensure_sample(*must_open("sqlite:" + path));
  const auto dialect = make_sqlite(path);
  ASSERT_TRUE(dialect);
  const Words& words = (*dialect)->words();
  const SqlText text(words);
  soci::session session = raw(path);
  constexpr auto kInt = flow::ColumnType::kInt64;
  constexpr std::array kPlan{kInt, kInt, kInt, flow::ColumnType::kText};
  for (const size_t columns : {size_t{1}, sample_table().keys.size()}) {
    std::vector<std::vector<flow::Value>> keys;
    Tuples pointers;
    for (int64_t i = 0; i < 100; ++i) {
      keys.push_back({"n" + std::to_string(i), i});
      keys.back().resize(columns);
    }
    for (const auto& key : keys) pointers.push_back(&key);
    std::vector<std::string> statements{text.erase(sample_table(), columns, keys.size())};
    if (columns > 1) statements.push_back(text.select_sketches(sample_table(), keys.size()));
    for (const std::string& sql : statements) {
      std::string plan;
      fetch_each(session, "EXPLAIN QUERY PLAN " + sql, RowParameters(words, pointers).list(), kPlan,
                 [&plan](Row& row) { plan += std::get<std::string>(row[3]) + "\n"; });
      EXPECT_NE(plan.find("SEARCH " + std::string(sample_table().name)), std::string::npos) << sql << plan;
      EXPECT_EQ(plan.find("SCAN " + std::string(sample_table().name)), std::string::npos) << sql << plan;
    }
  }
}

TEST(SqliteFull, WritesNothingHalfwayAndGoesOnWhenThereIsRoom) {
  TempFolder folder;
  const std::string path = folder.path("w.db");
  auto store = must_open("sqlite:" + path + "?max_pages=120");
  ensure_sample(*store);
  auto task = std::make_unique<Owner>(*store, "t");
  Error refusal;
  const int taken = fill(*task, refusal);
  ASSERT_GT(taken, 3);
  EXPECT_SAYS(refusal, Errc::kLimit, "max_pages=120");
  EXPECT_NE(refusal.message.find(path), std::string::npos) << refusal.message;

  const flow::Filter count{"name", flow::Filter::Op::kEq, std::string("count")};
  EXPECT_EQ(store->query({.table = &sample_table(), .where = {count}})->rows.at(0).values[0],
            flow::Value(int64_t{taken}));
  EXPECT_EQ(static_cast<int>(all_rows(*store, sample_table(), 1000).size()), taken + 1);
  flow::Rows room;
  for (int i = 0; i < taken; ++i) room.push_back(erase("fill" + std::to_string(i), 1));
  ASSERT_TRUE(task->commit_rows(std::move(room)))
      << "the same owner goes on, without opening the store again";
  ASSERT_TRUE(task->commit_rows({put("after", 1, {.count = 1})}));
  task = std::make_unique<Owner>(*store, "t");
  EXPECT_EQ(task->owned.positions.at(0).second, Offset(taken)) << "positions and rows move together";
  EXPECT_EQ(*task->owned.segments->read("n"), std::to_string(taken));
}

TEST(SqliteFull, IsSaidWhenTheStoreCannotEvenBeMade) {
  TempFolder folder;
  EXPECT_SAYS(open_error("sqlite:" + folder.path("w.db") + "?max_pages=2"), Errc::kLimit, "full");
}

}  // namespace
}  // namespace waybill::store
