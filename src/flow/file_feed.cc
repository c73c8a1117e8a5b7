#include "flow/file_feed.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "base/percent.h"

namespace waybill::flow {
namespace {

/// One word per path: control characters, blanks, '%' and what is not ASCII become %XX.
std::string escape(std::string_view path) {
  std::string text;
  append_percent_encoded(text, path, [](char c) { return c > ' ' && c < 0x7f && c != '%'; });
  return text;
}

bool unescape(std::string_view text, std::string& path) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      path.push_back(text[i]);
      continue;
    }
    uint8_t byte = 0;
    if (i + 3 > text.size()) return false;
    if (std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr != text.data() + i + 3)
      return false;
    path.push_back(static_cast<char>(byte));
    i += 2;
  }
  return true;
}

/// The words of one line, one after another.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  std::string_view next() {
    const size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(std::min(rest_.size(), end + 1));
    return word;
  }
  template <class Int>
  bool number(Int& out, int base = 10) {
    const std::string_view word = next();
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out, base);
    return !word.empty() && error == std::errc{} && end == word.data() + word.size();
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

bool read_followed_file(std::string_view line, FollowedFile& file) {
  Words words(line);
  int finished = 0;
  const bool numbers = words.number(file.id, 16) && words.number(file.device) && words.number(file.inode) &&
                       words.number(file.prefix_bytes) && words.number(file.prefix_hash, 16) &&
                       words.number(file.next) && words.number(finished) && words.number(file.seen_ms);
  file.finished = finished == 1;
  return numbers && file.id != 0 && unescape(words.next(), file.path) && words.done();
}

std::string followed_file_text(const FollowedFile& file) {
  std::array<char, 256> line;
  const int size = std::snprintf(
      line.data(), line.size(), "%016llx %llu %llu %u %016llx %llu %d %lld ",
      static_cast<unsigned long long>(file.id), static_cast<unsigned long long>(file.device),
      static_cast<unsigned long long>(file.inode), file.prefix_bytes,
      static_cast<unsigned long long>(file.prefix_hash), static_cast<unsigned long long>(file.next),
      file.finished ? 1 : 0, static_cast<long long>(file.seen_ms));
  return std::string(line.data(), static_cast<size_t>(size)) + escape(file.path);
}

}  // namespace waybill::flow
