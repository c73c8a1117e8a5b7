#include "kpi/line_reader.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "decode/json_layout.h"

namespace waybill::kpi {
namespace {

constexpr size_t kRows = 128;

}  // namespace

bool is_blank_line(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
}

struct LineReader::Impl {
  explicit Impl(std::shared_ptr<const Program> p)
      : program(std::move(p)),
        reader(program->schema()),
        layouts(program->schema()),
        rows(program->schema().fields.size(), kRows),
        fields(program->schema().fields.size()) {}

  /// The line at `at` read plainly; returns where the next one begins.
  const char* read_plainly(const char* at, const char* end, Scanner& scanner, const int64_t* places,
                           int64_t& number) {
    const void* found = std::memchr(at, '\n', static_cast<size_t>(end - at));
    const char* next = found ? static_cast<const char*>(found) + 1 : end;
    std::string_view line(at, static_cast<size_t>((found ? next - 1 : end) - at));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (is_blank_line(line)) return next;
    layouts.learn(line, read_text(line, scanner, places ? places[number] : number));
    ++number;
    return next;
  }

  decode::JsonStatus read_text(std::string_view text, Scanner& scanner, int64_t place) {
    const decode::JsonStatus status = reader.read(text, fields);
    if (status == decode::JsonStatus::kObject) {
      scanner.line(fields, place);
    } else {
      scanner.bad_line(Reason::kBroken, place, text);
    }
    return status;
  }

  std::shared_ptr<const Program> program;  ///< shared by all readers of a pass
  decode::JsonReader reader;
  decode::JsonLayouts layouts;
  decode::JsonRows rows;
  std::vector<decode::JsonField> fields;
};

LineReader::LineReader(std::shared_ptr<const Program> program)
    : impl_(std::make_unique<Impl>(std::move(program))) {}
LineReader::~LineReader() = default;

void LineReader::read_one(std::string_view text, Scanner& scanner, int64_t place) {
  impl_->read_text(text, scanner, place);
}

void LineReader::read(std::string_view block, Scanner& scanner, const int64_t* places) {
  Impl& s = *impl_;
  int64_t number = 0;
  const size_t width = s.fields.size();
  const char* end = block.data() + block.size();
  for (const char* at = block.data(); at != end;) {
    at = s.layouts.scan(at, end, s.rows);
    for (size_t i = 0; i < s.rows.size(); ++i) {
      const int64_t place = places ? places[number] : number;
      if (s.rows.status(i) == decode::JsonStatus::kObject) {
        scanner.line({s.rows.fields(i), width}, place);
        ++number;
        continue;
      }
      const std::string_view line(s.rows.line(i), static_cast<size_t>(end - s.rows.line(i)));
      const std::string_view text = line.substr(0, line.find('\n'));
      if (is_blank_line(text)) continue;
      scanner.bad_line(Reason::kBroken, place, text.substr(0, kSampleBytesMax));
      ++number;
    }
    if (at != end && !s.rows.full()) at = s.read_plainly(at, end, scanner, places, number);
  }
}

}  // namespace waybill::kpi
