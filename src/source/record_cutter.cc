#include "source/record_cutter.h"

#include <re2/re2.h>

#include <cstring>

#include "base/assert.h"

namespace waybill::source {
namespace {

constexpr int64_t kPatternMemoryMax = 8 << 20;

bool blank(std::string_view line) { return line.empty() || line == "\r"; }

}  // namespace

RecordCutter::RecordCutter(size_t record_bytes_max, std::unique_ptr<re2::RE2> start)
    : record_bytes_max_(record_bytes_max), start_(std::move(start)) {}
RecordCutter::RecordCutter(RecordCutter&&) noexcept = default;
RecordCutter& RecordCutter::operator=(RecordCutter&&) noexcept = default;
RecordCutter::~RecordCutter() = default;

Result<RecordCutter> RecordCutter::make(const Rules& rules) {
  ASSERT(rules.record_bytes_max >= 1);
  std::unique_ptr<re2::RE2> start;
  if (!rules.start.empty()) {
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_max_mem(kPatternMemoryMax);
    options.set_encoding(re2::RE2::Options::EncodingLatin1);  // log lines may hold any bytes
    start = std::make_unique<re2::RE2>(rules.start, options);
    if (!start->ok()) return fail(Errc::kInvalid, "\"" + rules.start + "\": " + start->error());
  }
  return RecordCutter(rules.record_bytes_max, std::move(start));
}

bool RecordCutter::starts(std::string_view line) const {
  return start_ == nullptr || re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *start_);
}

RecordCutter::Cut RecordCutter::cut(std::string_view bytes, uint64_t offset, Behind behind,
                                    std::vector<flow::FileRecord>& records) const {
  Cut done;
  size_t begin = 0, end = 0;  // of the open record; end: without the last newline
  bool open = false;
  const auto close = [&](size_t next) {
    if (open && !blank(bytes.substr(begin, end - begin)))
      records.push_back({offset + begin, offset + next, bytes.substr(begin, end - begin)});
    open = false;
    done.used = next;
  };
  size_t at = 0;
  while (at < bytes.size()) {
    const void* newline = std::memchr(bytes.data() + at, '\n', bytes.size() - at);
    if (newline == nullptr && behind != Behind::kEnd) break;
    const size_t line_end = newline == nullptr
                                ? bytes.size()
                                : static_cast<size_t>(static_cast<const char*>(newline) - bytes.data());
    const size_t next = newline == nullptr ? line_end : line_end + 1;
    const std::string_view line = bytes.substr(at, line_end - at);
    if (line.size() > record_bytes_max_) {
      close(at);
      done.skipped.push_back({offset + at, line.size()});
      done.used = next;
    } else if (start_ == nullptr) {
      begin = at, end = line_end, open = true;
      close(next);
    } else {
      if (open && (line_end - begin > record_bytes_max_ || starts(line))) close(at);
      if (!open) begin = at;
      open = true;
      end = line_end;
    }
    at = next;
  }
  if (open && (behind == Behind::kEnd || behind == Behind::kQuiet)) close(at);
  if (bytes.size() - at > record_bytes_max_) {  // an unfinished line that is too long already
    close(at);
    done.endless = true;
  } else if (open && bytes.size() - begin > record_bytes_max_ + 1) {
    close(at);  // the next line, wherever it ends, no longer fits
  }
  return done;
}

}  // namespace waybill::source
