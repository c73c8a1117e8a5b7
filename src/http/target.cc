#include "http/target.h"

#include <optional>

namespace waybill::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Plus { kLiteral, kBlank };

std::optional<std::string> decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      int high = hex_digit(text[i + 1]);
      int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else if (c == '+' && plus == Plus::kBlank) {
      out.push_back(' ');
    } else if (c <= ' ' || c > '~') {
      return std::nullopt;
    } else {
      out.push_back(c);
    }
  }
  return out;
}

/// Cuts `text` at the first `mark`; the mark itself is dropped.
std::string_view cut(std::string_view& text, char mark) {
  size_t at = text.find(mark);
  std::string_view head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return head;
}

Result<void> parse_query(std::string_view text, std::multimap<std::string, std::string>& query) {
  while (!text.empty()) {
    std::string_view value = cut(text, '&');
    if (value.empty()) continue;
    if (query.size() == kQueryParamsMax) {
      return fail(Errc::kLimit, "more than " + std::to_string(kQueryParamsMax) + " query parameters");
    }
    auto name = decode(cut(value, '='), Plus::kBlank);
    auto decoded = decode(value, Plus::kBlank);
    if (!name || !decoded) return fail(Errc::kInvalid, "the query is not percent-encoded text");
    query.emplace(std::move(*name), std::move(*decoded));
  }
  return {};
}

}  // namespace

Result<Target> parse_target(std::string_view target) {
  if (target.empty() || target.front() != '/')
    return fail(Errc::kInvalid, "the request target must begin with '/'");
  Target out;
  target = target.substr(0, target.find('#'));
  size_t question = target.find('?');
  std::string_view rest = target.substr(1, question == std::string_view::npos ? question : question - 1);
  for (bool more = true; more;) {
    more = rest.find('/') != std::string_view::npos;
    auto segment = decode(cut(rest, '/'), Plus::kLiteral);
    if (!segment) return fail(Errc::kInvalid, "the path is not percent-encoded text");
    out.path += '/';
    out.path += *segment;
    out.segments.push_back(std::move(*segment));
  }
  if (question != std::string_view::npos) {
    if (auto done = parse_query(target.substr(question + 1), out.query); !done)
      return tl::make_unexpected(done.error());
  }
  return out;
}

}  // namespace waybill::http
