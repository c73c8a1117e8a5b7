#pragma once
// Pages through the documents of an index in the order of their times, as each server allows.

#include <functional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "search/connection.h"
#include "search/hits.h"
#include "source/opensearch.h"

namespace waybill::source {

/// A page and the memory that its views point into.
struct OpensearchPage {
  std::string body;
  search::HitsPage hits;
};

/// Used from one thread. Blocks as long as the server.
class OpensearchPager {
 public:
  /// Takes a page; false ends the reading.
  using Take = std::function<bool(OpensearchPage page)>;

  OpensearchPager(const OpensearchSourceOptions& options, search::Connection& connection, LogFn log)
      : options_(options), connection_(connection), log_(std::move(log)), batch_(options.batch) {}

  /// Hands out every document whose time (in ms, as the server counts it) is `from` or later and that is
  /// searchable now; some twice. False: `take` has ended it.
  Result<bool> read(int64_t from, const Take& take);

 private:
  enum class Cursor { kPointInTime, kScroll };

  Result<OpensearchPage> search(const std::string& path, const std::string& body);
  std::string search_path() const;
  std::string query_text(int64_t from) const;
  std::string sort_text(const search::ServerKind& kind, bool tie_breaker) const;
  /// Everything after the first page was full.
  Result<bool> read_all(const search::ServerKind& kind, int64_t from, const Take& take);
  Result<bool> read_frozen(const search::ServerKind& kind, int64_t& from, const Take& take);
  Result<bool> read_scroll(const search::ServerKind& kind, int64_t& from, const Take& take);
  /// The id of a new point in time; empty: the server has none to give.
  Result<std::string> open_point_in_time(const search::ServerKind& kind);
  void close_point_in_time(const search::ServerKind& kind, const std::string& id);

  const OpensearchSourceOptions& options_;
  search::Connection& connection_;
  LogFn log_;
  size_t batch_;
  bool no_point_in_time_ = false;  ///< refused
};

}  // namespace waybill::source
