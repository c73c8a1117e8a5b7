#pragma once
// One page of a search's answer. Pure.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace waybill::search {

/// One document. Views live as long as the page's body.
struct Hit {
  std::string_view json;  ///< the whole hit: {"_index", "_id", "_source", "sort"}
  std::string id;         ///< index and _id, joined by kIdSeparator
  int64_t sort_ms = 0;    ///< the first sort value
};
inline constexpr char kIdSeparator = '/';  // no index has one in its name

struct HitsPage {
  std::vector<Hit> hits;
  std::string last_sort;  ///< the last hit's sort values, a JSON array; empty without hits
  std::string cursor;     ///< the scroll or point in time to go on with; empty: none was told
};

/// Reads the answer to a search that is sorted by a date. `body` needs room for kHitsPadding bytes behind it
/// (reserve), and stays as it is while the page is used. kUnavailable: the server says that it has not looked
/// everywhere. kCorrupt: it is not such an answer. kInvalid: the first sort value is no whole number, so the
/// field is no date. Cost: about 1 GB/s.
Result<HitsPage> parse_hits(std::string& body);
inline constexpr size_t kHitsPadding = 64;

}  // namespace waybill::search
