#pragma once
// The body of a `_bulk` request, and its answer document by document. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace waybill::sink {

/// Appends an index action with a version of ours. `typed`: the server wants a type. Newlines of the document
/// (a JSON object) become blanks.
struct BulkAction {
  std::string_view index;
  std::string_view id;
  int64_t version = 0;
  std::string_view document;
  bool typed = false;
};
void append_bulk(std::string& out, const BulkAction& action);

inline constexpr size_t kIdBytesMax = 512;
/// The id as servers take it: above kIdBytesMax its first part and a hash of the whole.
std::string bounded_id(std::string id);

struct BulkOutcome {
  enum class Kind : uint8_t {
    kDone,     ///< written, or a newer version is there already
    kAgain,    ///< not now: the server is busy, or something else than the document is at fault
    kRefused,  ///< never: the document does not fit the index
  } kind = Kind::kAgain;
  std::string why;  ///< unless kDone
};

/// Whether any action of a bulk was not done. kCorrupt: the answer ends early or is none.
Result<bool> bulk_has_errors(std::string_view body);

/// One outcome per action, in their order. kCorrupt: the answer ends early or is none.
Result<std::vector<BulkOutcome>> parse_bulk(std::string_view body, size_t actions);

}  // namespace waybill::sink
