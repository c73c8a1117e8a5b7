#pragma once
// Which server answers: Elasticsearch and OpenSearch differ in what they offer. Pure.

#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill::search {

struct ServerKind {
  enum class Product : uint8_t { kElasticsearch, kOpenSearch } product = Product::kElasticsearch;
  int major = 0;
  int minor = 0;
  std::string number;  ///< "6.8.23"

  bool opensearch() const { return product == Product::kOpenSearch; }
  bool at_least(int wanted_major, int wanted_minor) const {
    return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
  }
  /// Documents and mappings have a type, and templates too.
  bool typed() const { return !opensearch() && major < 7; }
  /// `_index_template`; before that `_template`.
  bool composable_templates() const { return opensearch() || at_least(7, 8); }
  /// A search can be frozen while it is paged through, without a scroll.
  bool point_in_time() const { return opensearch() ? at_least(2, 4) : at_least(7, 10); }
  /// Such a search may be sorted by `_shard_doc`, which costs nothing; before that by `_id`.
  bool shard_doc() const { return !opensearch() && at_least(7, 12); }
  /// Dates of any precision can be sorted as milliseconds.
  bool numeric_type() const { return opensearch() || at_least(7, 2); }
  /// "OpenSearch 2.19.4"
  std::string text() const;
};

/// Reads the answer to GET /. kUnsupported: another program, or a version that is not spoken to
/// (Elasticsearch before 6.4, OpenSearch before 1).
Result<ServerKind> parse_server_kind(std::string_view body);

}  // namespace waybill::search
