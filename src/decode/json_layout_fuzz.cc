// Whatever the bytes: what the scanner says of a line is what the plain reader says of it. A BUG aborts.
#include <algorithm>
#include <string>
#include <vector>

#include "base/assert.h"
#include "decode/json_layout.h"

namespace {

using namespace waybill::decode;

bool same(const JsonField& a, const JsonField& b) {
  return a.kind == b.kind && a.integer == b.integer && a.text() == b.text();
}

void compare(std::string_view text, const JsonSchema& schema, bool portable) {
  std::string block(text);
  block.resize(text.size() + kScanPadding, '{');
  JsonReader reader(schema);
  JsonLayouts layouts(schema);
  if (portable) layouts.use_portable_scanner();
  JsonRows rows(schema.fields.size(), 3);
  std::vector<JsonField> fields(schema.fields.size());
  const char* end = block.data() + text.size();
  auto line_at = [&](const char* at) {
    const char* to = std::find(at, end, '\n');
    if (to != at && to != end && to[-1] == '\r') --to;
    return std::string_view(at, static_cast<size_t>(to - at));
  };
  for (const char* at = block.data(); at != end;) {
    const char* expected = at;
    at = layouts.scan(at, end, rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT(rows.line(i) == expected);
      const std::string_view line = line_at(expected);
      ASSERT(reader.read(line, fields) == rows.status(i));
      for (size_t f = 0; f < fields.size(); ++f) ASSERT(same(fields[f], rows.fields(i)[f]));
      expected = std::find(expected, end, '\n');
      if (expected != end) ++expected;
    }
    ASSERT(at == expected);
    if (at == end || rows.full()) continue;
    const std::string_view line = line_at(at);
    layouts.learn(line, reader.read(line, fields));
    at = std::find(at, end, '\n');
    if (at != end) ++at;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const JsonSchema kFlat{.fields = {"type", "uid", "t", "st"}, .pinned = {{0, "p"}, {0, "c"}}};
  static const JsonSchema kEnveloped{
      .fields = {"type", "uid", "t"}, .envelope = {"_source", "message"}, .pinned = {{0, "p"}}};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (bool portable : {false, true}) {
    compare(text, kFlat, portable);
    compare(text, kEnveloped, portable);
  }
  return 0;
}
