#include "sink/old_indices.h"

#include <nlohmann/json.hpp>

#include "sink/document_schema.h"

namespace waybill::sink {

Result<void> delete_old_indices(search::Connection& connection, const std::string& alias, int64_t oldest_day,
                                const std::function<void(const std::string& index)>& told) {
  auto found = connection.call("GET", "/" + search::path_segment(alias + "-*") + "/_alias", {});
  if (!found) return tl::make_unexpected(std::move(found.error()));
  if (found->status == 404) return {};
  if (!found->ok()) return tl::make_unexpected(reply_error(*found));
  const auto json = nlohmann::json::parse(found->body, nullptr, false);
  if (!json.is_object()) return fail(Errc::kCorrupt, "the list of indices cannot be read");
  for (const auto& [index, unused] : json.items()) {
    const auto day = day_of_index(alias, index);
    if (!day || *day >= oldest_day) continue;
    auto gone = connection.call("DELETE", "/" + search::path_segment(index), {});
    if (!gone) return tl::make_unexpected(std::move(gone.error()));
    if (!gone->ok() && gone->status != 404) return tl::make_unexpected(reply_error(*gone).within(index));
    told(index);
  }
  return {};
}

}  // namespace waybill::sink
