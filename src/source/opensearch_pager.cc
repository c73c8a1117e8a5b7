#include "source/opensearch_pager.h"

#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace waybill::source {
namespace {

constexpr const char* kKeepAlive = "2m";
constexpr int kBeginAnewMax = 5;  ///< without a page in between

std::string json_text(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string text_of(const std::string& body, const char* key) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// The server has forgotten what was being read, or an index of it is gone.
bool is_gone(const Error& error) { return error.code == Errc::kNotFound; }

}  // namespace

std::string OpensearchPager::search_path() const {
  return "/" + search::path_segment(options_.index) +
         "/_search?ignore_unavailable=true&allow_no_indices=true&allow_partial_search_results=false";
}

std::string OpensearchPager::query_text(int64_t from) const {
  std::string out = R"("size":)" + std::to_string(batch_) + R"(,"query":{"bool":{"filter":[{"range":{)" +
                    json_text(options_.time_field) + R"(:{"gte":)" + std::to_string(from) +
                    R"(,"format":"epoch_millis"}}})";
  if (!options_.query.empty()) out += R"(,{"query_string":{"query":)" + json_text(options_.query) + "}}";
  out += "]}}";
  if (options_.fields.empty()) return out;
  out += R"(,"_source":[)";
  for (const std::string& field : options_.fields)
    out += (&field == &options_.fields.front() ? "" : ",") + json_text(field);
  return out + "]";
}

std::string OpensearchPager::sort_text(const search::ServerKind& kind, bool tie_breaker) const {
  std::string out =
      R"("sort":[{)" + json_text(options_.time_field) + R"(:{"order":"asc","unmapped_type":"date")";
  if (kind.numeric_type()) out += R"(,"numeric_type":"date")";
  out += "}}";
  if (tie_breaker)
    out += kind.shard_doc() ? R"(,{"_shard_doc":"asc"})" : R"(,{"_id":"asc"},{"_index":"asc"})";
  return out + "]";
}

Result<OpensearchPage> OpensearchPager::search(const std::string& path, const std::string& body) {
  auto reply = connection_.call("POST", path, body);
  if (!reply) return tl::make_unexpected(std::move(reply.error()));
  if (!reply->ok()) return tl::make_unexpected(reply_error(*reply).within("search"));
  OpensearchPage page{std::move(reply->body), {}};
  auto hits = search::parse_hits(page.body);
  if (!hits) return tl::make_unexpected(std::move(hits.error()));
  page.hits = std::move(*hits);
  return page;
}

Result<bool> OpensearchPager::read(int64_t from, const Take& take) {
  auto kind = connection_.kind();
  if (!kind) return tl::make_unexpected(std::move(kind.error()));
  for (;;) {
    // Most often all that is new fits into a page, which needs no cursor.
    auto page = search(search_path(), "{" + query_text(from) + "," + sort_text(*kind, false) + "}");
    if (page && page->hits.hits.size() < batch_) return page->hits.hits.empty() || take(std::move(*page));
    if (page) return read_all(*kind, from, take);
    if (page.error().code != Errc::kLimit || batch_ == 1) return tl::make_unexpected(std::move(page.error()));
    batch_ /= 2;
    log_(LogLevel::kInfo, options_.index + ": large documents; pages of " + std::to_string(batch_));
  }
}

Result<bool> OpensearchPager::read_all(const search::ServerKind& kind, int64_t from, const Take& take) {
  int left = kBeginAnewMax;
  for (;;) {
    const int64_t before = from;
    auto done = kind.point_in_time() && !no_point_in_time_ ? read_frozen(kind, from, take)
                                                           : read_scroll(kind, from, take);
    if (done) return done;
    if (from > before) left = kBeginAnewMax;
    const bool smaller = done.error().code == Errc::kLimit && batch_ > 1;
    if (smaller) batch_ /= 2;
    if (!smaller && !is_gone(done.error())) return done;
    if (--left == 0) return done;
  }
}

Result<std::string> OpensearchPager::open_point_in_time(const search::ServerKind& kind) {
  const std::string path = "/" + search::path_segment(options_.index) +
                           (kind.opensearch() ? "/_search/point_in_time" : "/_pit") +
                           "?keep_alive=" + kKeepAlive + "&ignore_unavailable=true" +
                           (kind.opensearch() ? "&allow_partial_pit_creation=false" : "");
  auto reply = connection_.call("POST", path, {});
  if (!reply) return tl::make_unexpected(std::move(reply.error()));
  if (reply->ok()) return text_of(reply->body, kind.opensearch() ? "pit_id" : "id");
  if (reply->status != 400 && reply->status != 403 && reply->status != 405)
    return tl::make_unexpected(reply_error(*reply).within("point in time"));
  log_(LogLevel::kInfo, options_.index + ": " + kind.text() + " gives no point in time (" +
                            reply_text(*reply) + "); reading with a scroll");
  return std::string();
}

void OpensearchPager::close_point_in_time(const search::ServerKind& kind, const std::string& id) {
  // Else the server ends it when it is not used for a while.
  if (kind.opensearch()) {
    (void)connection_.call("DELETE", "/_search/point_in_time", R"({"pit_id":[)" + json_text(id) + "]}");
  } else {
    (void)connection_.call("DELETE", "/_pit", R"({"id":)" + json_text(id) + "}");
  }
}

Result<bool> OpensearchPager::read_frozen(const search::ServerKind& kind, int64_t& from, const Take& take) {
  auto opened = open_point_in_time(kind);
  if (!opened) return tl::make_unexpected(std::move(opened.error()));
  if (opened->empty()) {
    no_point_in_time_ = true;
    return read_scroll(kind, from, take);
  }
  std::string id = std::move(*opened);
  const std::string what = query_text(from) + "," + sort_text(kind, true);
  std::string after;
  Result<bool> done = true;
  for (bool more = true; more;) {
    auto page = search("/_search?allow_partial_search_results=false",
                       "{" + what + R"(,"pit":{"id":)" + json_text(id) + R"(,"keep_alive":")" + kKeepAlive +
                           R"("})" + (after.empty() ? "" : R"(,"search_after":)" + after) + "}");
    if (!page) {
      done = tl::make_unexpected(std::move(page.error()));
      break;
    }
    if (!page->hits.cursor.empty()) id = page->hits.cursor;
    after = page->hits.last_sort;
    more = page->hits.hits.size() == batch_;
    if (page->hits.hits.empty()) break;
    const int64_t last = page->hits.hits.back().sort_ms;
    if (!take(std::move(*page))) {
      done = false;
      break;
    }
    from = last;
  }
  close_point_in_time(kind, id);
  return done;
}

Result<bool> OpensearchPager::read_scroll(const search::ServerKind& kind, int64_t& from, const Take& take) {
  std::string id;
  Result<bool> done = true;
  for (;;) {
    auto page = id.empty() ? search(search_path() + "&scroll=" + kKeepAlive,
                                    "{" + query_text(from) + "," + sort_text(kind, false) + "}")
                           : search("/_search/scroll", R"({"scroll":")" + std::string(kKeepAlive) +
                                                           R"(","scroll_id":)" + json_text(id) + "}");
    if (!page) {
      done = tl::make_unexpected(std::move(page.error()));
      break;
    }
    id = page->hits.cursor;
    if (page->hits.hits.empty() || id.empty()) break;
    const int64_t last = page->hits.hits.back().sort_ms;
    if (!take(std::move(*page))) {
      done = false;
      break;
    }
    from = last;
  }
  if (!id.empty())
    (void)connection_.call("DELETE", "/_search/scroll", R"({"scroll_id":[)" + json_text(id) + "]}");
  return done;
}

}  // namespace waybill::source
