#include "source/line_blocks.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "source/file_names.h"
#include "source/line_blocks_harness.h"

namespace waybill::source {
namespace {

using harness::append_lines;
using harness::Line;
using harness::PiecesInput;
using harness::plain_lines;

/// A folder of its own for each test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "waybill-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name, std::string_view bytes = {}) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
  return out;
}

std::string many_lines(size_t count, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::string bytes;
  for (size_t i = 0; i < count; ++i) {
    bytes += std::to_string(i) + " ";
    bytes.append(random() % 200, static_cast<char>('a' + random() % 26));
    bytes += '\n';
  }
  return bytes;
}

struct ReadBack {
  std::vector<Line> lines;
  std::optional<Error> error;
};

ReadBack read_all(LineBlocks& blocks) {
  ReadBack all;
  std::unique_ptr<BlockBuffer> buffer;
  for (;;) {
    auto block = blocks.next(std::move(buffer));
    if (!block) {
      EXPECT_FALSE(all.error) << "an error comes once";
      all.error = std::move(block).error();
      continue;
    }
    if (!*block) return all;
    EXPECT_TRUE(append_lines(**block, all.lines));
    buffer = std::move((*block)->buffer);
  }
}

ReadBack read_file(const std::string& path, const LineBlockOptions& options = {}) {
  auto blocks = open_line_blocks(path, options);
  if (!blocks) return {{}, blocks.error()};
  return read_all(**blocks);
}

TEST(LineBlocks, EqualThePlainModelForAnyBytesBordersAndLimits) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    std::mt19937_64 random(seed);
    std::string bytes(random() % 400, '\0');
    const uint64_t newline_every = 1 + random() % 60;
    for (char& c : bytes)
      c = random() % newline_every == 0 ? '\n' : static_cast<char>(random() % 5 == 0 ? 0 : 'x');
    const LineBlockOptions options{.block_bytes = 1 + random() % 64, .line_bytes_max = random() % 100};
    LineBlocks blocks(std::make_unique<PiecesInput>(bytes, 1 + random() % 80, seed), options);
    const ReadBack all = read_all(blocks);
    ASSERT_EQ(all.lines, plain_lines(bytes, options.line_bytes_max)) << "seed " << seed;
  }
}

TEST(LineBlocks, PlainAndCompressedFilesGiveTheSameLinesAtTheSameOffsets) {
  const Folder folder;
  const std::string bytes = many_lines(20'000) + "no newline at the end";
  const size_t cut = bytes.size() / 2;
  const std::vector<std::string> files = {
      folder.file("plain", bytes), folder.file("a.gz", gzip(bytes)),
      folder.file("members.gz",
                  gzip(bytes.substr(0, cut)) + gzip("") + gzip(bytes.substr(cut)) + std::string(512, '\0')),
      folder.file("named-wrongly.gz", zstd(bytes)),
      folder.file("frames", zstd(bytes.substr(0, cut)) + zstd(bytes.substr(cut)))};
  for (const std::string& file : files) {
    const ReadBack all = read_file(file, {.block_bytes = 100'000});
    EXPECT_FALSE(all.error) << all.error->message;
    EXPECT_TRUE(all.lines == plain_lines(bytes, bytes.size())) << file;
  }
}

TEST(LineBlocks, ALineOfAHundredMegabytesIsSkippedAndCountedWithItsPlace) {
  const Folder folder;
  const std::string file = folder.file("big", "first\n" + std::string(100 << 20, 'y') + "\nlast\r\n");
  const ReadBack all = read_file(file);
  ASSERT_EQ(all.lines.size(), 3u);
  EXPECT_EQ(all.lines[0], (Line{0, "first\n", 0}));
  EXPECT_EQ(all.lines[1], (Line{6, "", 100 << 20}));
  EXPECT_EQ(all.lines[2], (Line{7 + (100 << 20), "last\r\n", 0}));
}

TEST(LineBlocks, DamageIsToldOnceAfterTheWholeLinesBeforeIt) {
  const Folder folder;
  const std::string bytes = many_lines(20'000);
  const std::string packed = gzip(bytes), framed = zstd(bytes);
  std::string damaged = packed;
  damaged[packed.size() / 2] ^= 0x55;
  damaged[packed.size() / 2 + 1] ^= 0x55;
  struct {
    std::string file;
    Errc code;
  } const rows[] = {{folder.file("early.gz", packed.substr(0, packed.size() / 2)), Errc::kTruncated},
                    {folder.file("damaged.gz", damaged), Errc::kCorrupt},
                    {folder.file("behind.gz", packed + "no gzip"), Errc::kCorrupt},
                    {folder.file("early.zst", framed.substr(0, framed.size() / 2)), Errc::kTruncated},
                    {folder.file("behind.zst", framed + "no zstd"), Errc::kCorrupt}};
  const std::vector<Line> truth = plain_lines(bytes, bytes.size());
  for (const auto& row : rows) {
    const ReadBack all = read_file(row.file, {.block_bytes = 4000});
    ASSERT_TRUE(all.error) << row.file;
    EXPECT_EQ(all.error->code, row.code) << all.error->message;
    EXPECT_NE(all.error->message.find(row.file), std::string::npos);
    ASSERT_GT(all.lines.size(), row.file.ends_with("zst") && row.code == Errc::kTruncated ? 0u : 1000u)
        << row.file;
    const bool undamaged = row.file.find("damaged") == std::string::npos;
    if (undamaged) {
      EXPECT_TRUE(std::equal(all.lines.begin(), all.lines.end(), truth.begin())) << row.file;
    }
  }
}

TEST(LineBlocks, AnErrorSaysHowMuchOfALineItDropped) {
  LineBlocks blocks(
      std::make_unique<PiecesInput>("one\ntwo\nthr", 2, 1, Error{Errc::kUnavailable, "f: gone"}), {});
  const ReadBack all = read_all(blocks);
  EXPECT_EQ(all.lines.size(), 2u);
  EXPECT_EQ(all.error->message, "f: gone; 3 bytes of an unfinished line at byte 8 were dropped");
}

TEST(LineBlocks, RangesOfAFileAreItsLinesInOrder) {
  const Folder folder;
  std::string bytes = many_lines(3000, 7);
  bytes += std::string(300'000, 'l') + "\n" + many_lines(10, 8) + "end";
  const std::string file = folder.file("lines", bytes);
  for (size_t parts : {1, 2, 3, 7, 64, 5000, 100'000}) {
    auto ranges = split_lines(file, parts);
    ASSERT_TRUE(ranges);
    EXPECT_LE(ranges->size(), parts);
    std::vector<Line> lines;
    uint64_t at = 0;
    for (const ByteRange& range : *ranges) {
      EXPECT_EQ(range.begin, at);
      at = range.end;
      const ReadBack all = read_file(file, {.block_bytes = 10'000, .range = range});
      lines.insert(lines.end(), all.lines.begin(), all.lines.end());
    }
    EXPECT_EQ(at, bytes.size());
    EXPECT_TRUE(lines == plain_lines(bytes, bytes.size())) << parts;
  }
  const std::string empty = folder.file("empty");
  EXPECT_EQ(read_file(empty, {.range = split_lines(empty, 4)->at(0)}).lines.size(), 0u);
  const std::string packed = folder.file("p.gz", gzip(bytes));
  ASSERT_EQ(split_lines(packed, 4)->size(), 1u);
  EXPECT_EQ(read_file(packed, {.range = split_lines(packed, 4)->at(0)}).lines.size(),
            plain_lines(bytes, bytes.size()).size());
}

TEST(LineBlocks, APipeGivesWhatIsThereAndItsBuffersOutliveTheReader) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto input = [&] {
    const std::string_view head = "a line\nhalf a ";
    EXPECT_EQ(::write(ends[1], head.data(), head.size()), static_cast<ssize_t>(head.size()));
    return make_byte_input(FileHandle(ends[0]), "pipe");
  }();
  ASSERT_TRUE(input);
  auto blocks = std::make_unique<LineBlocks>(*std::move(input), LineBlockOptions{});
  auto first = blocks->next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->bytes, "a line\n");
  EXPECT_EQ(::write(ends[1], "line\n", 5), 5);
  ::close(ends[1]);
  auto second = blocks->next();
  blocks.reset();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->bytes, "half a line\n");
  EXPECT_EQ((*second)->offset, 7u);
  EXPECT_EQ((*first)->bytes, "a line\n");
}

TEST(LineBlocks, WhatCannotBeOpenedIsAnErrorWithThePath) {
  const Folder folder;
  EXPECT_EQ(read_file(folder.path("absent")).error->code, Errc::kNotFound);
  EXPECT_EQ(read_file(folder.path("absent")).error->message,
            folder.path("absent") + ": opening: No such file or directory");
  EXPECT_EQ(read_file(folder.path("")).error->code, Errc::kInvalid);
  EXPECT_EQ(split_lines(folder.path("absent"), 3).error().code, Errc::kNotFound);
  EXPECT_EQ(read_file(folder.file("p.gz", gzip("a\n")), {.range = {1, 2}}).error->code, Errc::kInvalid);
}

TEST(FileNames, GlobsAreSortedDirectoriesSkippedAndAbsentFilesDoNotStopTheOthers) {
  const Folder folder;
  for (const char* name : {"b.log", "a.log", "c.txt", "odd[1].log"}) folder.file(name);
  ::mkdir(folder.path("d.log").c_str(), 0755);
  const std::vector<std::string> patterns = {folder.path("*.log"),      "-",
                                             folder.path("a.log"),      folder.path("absent"),
                                             folder.path("odd[1].log"), folder.path("no*ne"),
                                             folder.path("{c,a}.txt"),  folder.path("d.log")};
  const FileNames names = expand_file_names(patterns);
  EXPECT_EQ(names.paths, (std::vector<std::string>{folder.path("a.log"), folder.path("b.log"),
                                                   folder.path("odd[1].log"), "-", folder.path("c.txt")}));
  EXPECT_EQ(names.skipped, std::vector<std::string>{folder.path("d.log") + ": a directory"});
  ASSERT_EQ(names.errors.size(), 3u);
  EXPECT_EQ(names.errors[0].code, Errc::kNotFound);
  EXPECT_EQ(names.errors[1].message, folder.path("no*ne") + ": no file matches");
  EXPECT_EQ(names.errors[2].code, Errc::kInvalid);
}

}  // namespace
}  // namespace waybill::source
