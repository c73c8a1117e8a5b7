#include "flow/feed_note.h"

#include <charconv>

namespace waybill::flow {
namespace {

constexpr char kLetters[] = "lfgs";  ///< by Kind

/// The number and, unless it is the last, the one blank between it and the next.
bool take_number(std::string_view& text, uint64_t& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (text.empty()) return true;
  if (text.front() != ' ') return false;
  text.remove_prefix(1);
  return !text.empty();
}

}  // namespace

std::string feed_key(const FeedNote& note) {
  std::string key(1, kLetters[static_cast<size_t>(note.kind)]);
  key += ' ';
  if (note.kind == FeedNote::Kind::kFile) return key + followed_file_text(note.file);
  key += std::to_string(note.file.id);
  if (note.kind == FeedNote::Kind::kSkipped)
    key += " " + std::to_string(note.file.next) + " " + std::to_string(note.count);
  return key;
}

std::optional<FeedNote> read_feed_key(std::string_view key) {
  FeedNote note;
  size_t kind =
      key.size() < 3 || key[1] != ' ' ? std::string_view::npos : std::string_view(kLetters).find(key[0]);
  if (kind == std::string_view::npos) return std::nullopt;
  note.kind = static_cast<FeedNote::Kind>(kind);
  key.remove_prefix(2);
  bool fine = note.kind == FeedNote::Kind::kFile ? read_followed_file(key, note.file)
                                                 : take_number(key, note.file.id);
  if (note.kind == FeedNote::Kind::kSkipped)
    fine = fine && take_number(key, note.file.next) && take_number(key, note.count);
  if (note.kind != FeedNote::Kind::kFile) fine = fine && key.empty();
  return fine ? std::optional(std::move(note)) : std::nullopt;
}

}  // namespace waybill::flow
