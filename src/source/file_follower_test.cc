#include "source/file_follower.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "testing/fake_clock.h"

namespace waybill::source {
namespace {

namespace fs = std::filesystem;

/// A folder, a clock that is moved by hand, and a follower that is polled until it has nothing more. No
/// inotify, so that nothing depends on when an event comes.
class FileFollowerTest : public ::testing::Test {
 protected:
  FileFollowerTest() {
    std::string name = (fs::temp_directory_path() / "waybill-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    options_.paths = {path("*.log")};
    options_.inotify = DirWatch::Use::kNo;
  }
  ~FileFollowerTest() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(path(name), std::ios::binary | std::ios::app) << bytes;
  }
  void start(std::vector<flow::FollowedFile> known = {}) {
    follower_.reset();
    auto made =
        FileFollower::make(options_, std::move(known), clock_,
                           [this](LogLevel, std::string_view text) { log_ += std::string(text) + "\n"; });
    ASSERT_TRUE(made) << made.error().message;
    follower_ = *std::move(made);
  }
  /// As after a kill: positions as they were stored.
  void restart() { start(follower_->files()); }

  /// All records that there are by now, after a look at the files.
  std::vector<std::string> read(int64_t after_ms = 1'000) {
    clock_.advance(Millis(after_ms));
    std::vector<std::string> texts;
    for (int quiet = 0; quiet < 3;) {
      const flow::FileBatch batch = follower_->poll(Millis(0));
      quiet = batch.file == 0 ? quiet + 1 : 0;
      if (quiet > 0) clock_.advance(Millis(200));
      for (const flow::FileRecord& record : batch.records) {
        const auto [at, fresh] = next_.try_emplace(batch.file, 0);
        EXPECT_GE(record.offset, at->second) << "offsets of a file ascend";
        at->second = record.next;
        texts.emplace_back(record.text);
      }
    }
    return texts;
  }
  using Texts = std::vector<std::string>;

  /// Lines that no other file has.
  std::string lines(const std::string& name, int from, int to) {
    std::string bytes;
    for (int i = from; i < to; ++i) bytes += line(name, i) + "\n";
    return bytes;
  }
  static std::string line(const std::string& name, int i) {
    return name + " " + std::to_string(i) + " of the log";
  }
  Texts texts(const std::string& name, int from, int to) {
    Texts all;
    for (int i = from; i < to; ++i) all.push_back(line(name, i));
    return all;
  }
  void gzip(const std::string& from, const std::string& to) {
    std::ifstream in(path(from), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    gzFile out = ::gzopen(path(to).c_str(), "wb");
    ::gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
    ::gzclose(out);
    fs::remove(path(from));
  }

  std::string folder_;
  testing::FakeClock clock_;
  FollowOptions options_;
  std::unique_ptr<FileFollower> follower_;
  std::map<uint64_t, uint64_t> next_;
  std::string log_;
};

TEST_F(FileFollowerTest, GrowingFilesAndThoseThatAppearLaterAreReadAPartialLineWhenItEnds) {
  write("a.log", "one\ntwo\nthr");
  start();
  EXPECT_EQ(read(), (Texts{"one", "two"}));
  write("a.log", "ee\n\n\r\nfour\r\n");
  write("b.log", std::string("nul\0byte\n", 9));
  EXPECT_EQ(read(), (Texts{std::string("nul\0byte", 8), "three", "four\r"}));
  EXPECT_EQ(next_.size(), 2u) << "ids";
  EXPECT_EQ(follower_->health().files, 2u);
}

TEST_F(FileFollowerTest, FilesWithTheSameContentAreDifferentFiles) {
  for (const char* name : {"a1.log", "a10.log", "a2.log", "a.log"}) write(name, lines("same", 0, 200));
  start();
  EXPECT_EQ(read().size(), 800u);
}

TEST_F(FileFollowerTest, ARenamedFileIsReadToItsEndTheNewOneFromItsBegin) {
  write("a.log", lines("old", 0, 50));
  start();
  EXPECT_EQ(read(), texts("old", 0, 50));
  fs::rename(path("a.log"), path("a.log.1"));
  write("a.log.1", lines("old", 50, 60) + "the last one has no newline");
  write("a.log", lines("new", 0, 5));
  Texts got = read();
  std::sort(got.begin(), got.end());
  Texts want = texts("new", 0, 5);
  const Texts more = texts("old", 50, 60);
  want.insert(want.end(), more.begin(), more.end());
  std::sort(want.begin(), want.end());
  EXPECT_EQ(got, want);
  EXPECT_EQ(read(options_.finish_after.count() + 1), Texts{"the last one has no newline"});
  read();
  EXPECT_EQ(follower_->health().files, 1u);
}

TEST_F(FileFollowerTest, WhatIsRotatedWhileNobodyFollowsIsFoundAgain) {
  write("a.log", lines("old", 0, 50));
  start();
  EXPECT_EQ(read(), texts("old", 0, 50));
  write("a.log", lines("old", 50, 70));
  fs::rename(path("a.log"), path("a.log.1"));
  write("a.log", lines("new", 0, 5));
  restart();
  EXPECT_EQ(read().size(), 25u);
  write("a.log.1", lines("old", 70, 80));
  gzip("a.log.1", "a.log.2.gz");
  restart();
  EXPECT_EQ(read(), texts("old", 70, 80));
  restart();
  EXPECT_EQ(read(), Texts{});
}

TEST_F(FileFollowerTest, AFileThatWasFoundEmptyKeepsItsIdWhenAllDiesBeforePositionsAreStored) {
  write("a.log", "");
  start();
  EXPECT_TRUE(read().empty());
  std::vector<flow::FollowedFile> stored = follower_->files();
  const uint64_t stored_ids = follower_->ids_given();
  ASSERT_EQ(stored.size(), 1u);

  write("a.log", lines("a", 0, 2));
  EXPECT_EQ(read(), texts("a", 0, 2));
  EXPECT_GT(follower_->ids_given(), stored_ids) << "its first bytes are to be stored before it is used";
  for (const bool first_bytes_stored : {false, true}) {
    flow::FollowedFile known = stored.front();
    if (first_bytes_stored) known = follower_->files().front();
    known.next = 0;  // nothing was acknowledged
    next_.clear();
    start({known});
    EXPECT_EQ(read(), texts("a", 0, 2));
    EXPECT_EQ(next_.count(known.id), 1u) << first_bytes_stored;
    EXPECT_EQ(follower_->files().size(), 1u) << "and there is no second file";
  }
}

TEST_F(FileFollowerTest, AnInodeThatIsUsedAgainIsANewFileOnceFirstBytesWereHandedOut) {
  write("a.log", "");
  start();
  EXPECT_TRUE(read().empty());
  write("a.log", lines("a", 0, 2));
  EXPECT_EQ(read(), texts("a", 0, 2));
  flow::FollowedFile known = follower_->files().front();  // as ids_given() demands
  known.next = 0;
  follower_.reset();
  std::ofstream(path("a.log"), std::ios::trunc) << lines("b", 0, 3);  // cut while nobody looks
  next_.clear();
  start({known});
  EXPECT_EQ(read(), texts("b", 0, 3));
  EXPECT_EQ(next_.count(known.id), 0u) << "its lines would pass for repeats";
}

TEST_F(FileFollowerTest, CopyTruncateLosesNothingThatIsInTheCopy) {
  options_.paths = {path("a.log*")};  // the copy matches too
  write("a.log", lines("old", 0, 50));
  start();
  EXPECT_EQ(read(), texts("old", 0, 50));
  write("a.log", lines("old", 50, 60));
  fs::copy_file(path("a.log"), path("a.log.1"));
  fs::resize_file(path("a.log"), 0);
  write("a.log", lines("new", 0, 3));
  Texts got = read();
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got.size(), 13u);
  EXPECT_EQ(got.front(), line("new", 0));
  EXPECT_EQ(follower_->health().cut_off, 1u);
  EXPECT_EQ(read(120'000), Texts{});
  restart();
  EXPECT_EQ(read(), Texts{});
  write("a.log", lines("new", 3, 4));
  EXPECT_EQ(read(), texts("new", 3, 4));
}

TEST_F(FileFollowerTest, ACutFileThatHasGrownPastTheOldPlaceIsNoticedByItsFirstBytes) {
  write("a.log", lines("old", 0, 5));
  start();
  read();
  fs::resize_file(path("a.log"), 0);
  write("a.log", lines("new", 0, 50));
  EXPECT_EQ(read(), texts("new", 0, 50));
}

TEST_F(FileFollowerTest, CompressedFilesAreReadOnceOrNotAtAllWhenTheirContentIsKnown) {
  options_.paths = {path("*")};
  write("archive", lines("archived", 0, 3000));
  gzip("archive", "archive.gz");
  write("a.log", lines("old", 0, 100));
  start();
  EXPECT_EQ(read().size(), 3100u);
  gzip("a.log", "a.log.1.gz");
  EXPECT_EQ(read(), Texts{});
  restart();
  EXPECT_EQ(read(), Texts{});
}

TEST_F(FileFollowerTest, AFileThatWasEmptyAndIsCompressedBeforeItIsReadIsReadOnce) {
  options_.paths = {path("*.log*")};
  write("a.log", "");
  start();
  EXPECT_EQ(read(), Texts{});
  write("a.log", lines("a", 0, 100));  // nobody reads now: the outlet is full
  gzip("a.log", "a.log.1.gz");
  write("a.log", lines("b", 0, 3));
  Texts expected = texts("a", 0, 100), found = read();
  for (const std::string& text : texts("b", 0, 3)) expected.push_back(text);
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(found, expected);
}

TEST_F(FileFollowerTest, DeletedFilesAreReadToTheEndAndAnInodeThatIsUsedAgainIsANewFile) {
  write("a.log", lines("old", 0, 5));
  start();
  EXPECT_EQ(read().size(), 5u);
  std::ofstream still_open(path("a.log"), std::ios::app);
  fs::remove(path("a.log"));
  still_open << lines("old", 5, 9) << std::flush;
  EXPECT_EQ(read(), texts("old", 5, 9));
  still_open.close();
  read(options_.finish_after.count() + 1);
  read();
  EXPECT_EQ(follower_->health().files, 0u);
  for (int i = 0; i < 5; ++i) write("again" + std::to_string(i) + ".log", lines("old", 0, 5));
  EXPECT_EQ(read().size(), 25u);
}

TEST_F(FileFollowerTest, SymlinksAreFollowedAndAFileWithTwoNamesIsReadOnce) {
  fs::create_directory(path("real"));
  write("real/x", lines("x", 0, 3));
  fs::create_symlink(path("real/x"), path("a.log"));
  fs::create_hard_link(path("real/x"), path("b.log"));
  fs::create_directory(path("folder.log"));
  start();
  EXPECT_EQ(read(), texts("x", 0, 3));
  write("real/y", lines("y", 0, 3));
  fs::remove(path("a.log"));
  fs::create_symlink(path("real/y"), path("a.log"));
  EXPECT_EQ(read(), texts("y", 0, 3));
}

TEST_F(FileFollowerTest, LinesOverTheLimitAreSkippedOnceWhereverTheyAreCut) {
  options_.record.record_bytes_max = 1000;
  options_.block_bytes = 1100;
  write("a.log", "first\n" + std::string(5000, 'l'));
  start();
  EXPECT_EQ(read(), Texts{"first"});
  write("a.log", std::string(5000, 'l'));
  restart();
  EXPECT_EQ(read(), Texts{});
  write("a.log", "\nlast\n" + std::string(1001, 'm') + "\n" + std::string(1000, 'n') + "\n");
  EXPECT_EQ(read(), (Texts{"last", std::string(1000, 'n')}));
  EXPECT_EQ(follower_->health().oversized, 2u);
  EXPECT_NE(log_.find("a line of 10000 bytes at byte 6 is over the limit"), std::string::npos) << log_;
}

TEST_F(FileFollowerTest, RecordsOfSeveralLinesBeginAtThePatternAndEndWhenItIsQuiet) {
  options_.record.start = "^\\d{4}-";
  write("a.log", "2026-01-01 failed\n  at a\n  at b\n2026-01-02 fine\n  more");
  start();
  EXPECT_EQ(read(0), Texts{"2026-01-01 failed\n  at a\n  at b"});
  write("a.log", " of it\n");
  EXPECT_EQ(read(0), Texts{});
  EXPECT_EQ(read(5'000), Texts{"2026-01-02 fine\n  more of it"});
  FollowOptions bad = options_;
  bad.record.start = "(";
  EXPECT_EQ(FileFollower::make(bad, {}, clock_, {}).error().code, Errc::kInvalid);
}

TEST_F(FileFollowerTest, OnlyWhatComesLaterWhenItIsToldToStartAtTheEnd) {
  options_.start = FollowOptions::Start::kEnd;
  write("a.log", lines("old", 0, 5));
  start();
  EXPECT_EQ(read(), Texts{});
  write("a.log", lines("new", 0, 2));
  write("b.log", lines("b", 0, 1));
  EXPECT_EQ(read().size(), 3u);
}

TEST_F(FileFollowerTest, FilesBeyondTheLimitWaitUntilAnotherOneEnds) {
  options_.files_max = 2;
  for (const char* name : {"a.log", "b.log", "c.log"}) write(name, std::string(name) + "\n");
  start();
  EXPECT_EQ(read(), (Texts{"a.log", "b.log"}));
  EXPECT_EQ(follower_->health().left_out, 1u);
  fs::remove(path("a.log"));
  read();
  EXPECT_EQ(read(options_.finish_after.count() + 1), Texts{"c.log"});
}

TEST_F(FileFollowerTest, InotifyTellsOfALineWithoutALook) {
  options_.inotify = DirWatch::Use::kYes;
  options_.look_every = Millis(3'600'000);
  write("a.log", "one\n");
  start();
  EXPECT_EQ(follower_->poll(Millis(0)).records.size(), 1u);
  write("a.log", "two\n");
  const flow::FileBatch batch = follower_->poll(Millis(10'000));
  ASSERT_EQ(batch.records.size(), 1u);
  EXPECT_EQ(batch.records[0].text, "two");
}

}  // namespace
}  // namespace waybill::source
