#include "search/hits.h"

#include <simdjson.h>

namespace waybill::search {
namespace {

namespace ondemand = simdjson::ondemand;
static_assert(kHitsPadding >= simdjson::SIMDJSON_PADDING);

tl::unexpected<Error> corrupt(const char* what, simdjson::error_code code) {
  return fail(Errc::kCorrupt, std::string("the answer to a search cannot be read (") + what +
                                  "): " + simdjson::error_message(code));
}

/// The members that matter, of a hit that is read to its end.
simdjson::error_code read_hit(ondemand::object object, Hit& hit, std::string_view& sort, bool& whole) {
  std::string_view index, id;
  for (auto entry : object) {
    ondemand::field field;
    if (auto fault = std::move(entry).get(field)) return fault;
    ondemand::raw_json_string key = field.key();
    simdjson::error_code fault = simdjson::SUCCESS;
    if (key == "_index") {
      fault = field.value().get_string().get(index);
    } else if (key == "_id") {
      fault = field.value().get_string().get(id);
    } else if (key == "sort") {
      ondemand::array values;
      if ((fault = field.value().get_array().get(values))) return fault;
      if ((fault = values.raw_json().get(sort))) return fault;
      ondemand::value first;
      values.reset();
      if ((fault = values.at(0).get(first))) return fault;
      whole = first.get_int64().get(hit.sort_ms) == simdjson::SUCCESS;
      continue;
    }
    if (fault) return fault;
  }
  hit.id.reserve(index.size() + id.size() + 1);
  hit.id.append(index);
  hit.id += kIdSeparator;
  hit.id.append(id);
  return simdjson::SUCCESS;
}

simdjson::error_code read_hits(ondemand::array hits, HitsPage& page, bool& all_whole) {
  std::string_view sort;
  for (auto element : hits) {
    ondemand::object object;
    if (auto fault = std::move(element).get_object().get(object)) return fault;
    Hit hit;
    if (auto fault = object.raw_json().get(hit.json)) return fault;
    if (auto fault = object.reset().error()) return fault;
    bool whole = false;
    if (auto fault = read_hit(object, hit, sort, whole)) return fault;
    all_whole = all_whole && whole;
    page.hits.push_back(std::move(hit));
  }
  page.last_sort = sort;
  return simdjson::SUCCESS;
}

}  // namespace

Result<HitsPage> parse_hits(std::string& body) {
  body.reserve(body.size() + kHitsPadding);
  ondemand::parser parser;
  ondemand::document document;
  if (auto fault = parser.iterate(body.data(), body.size(), body.capacity()).get(document))
    return corrupt("document", fault);
  HitsPage page;
  ondemand::object root;
  if (auto fault = document.get_object().get(root)) return corrupt("object", fault);
  bool all_whole = true, timed_out = false, seen = false;
  int64_t failed = 0;
  for (auto entry : root) {
    ondemand::field field;
    if (auto fault = std::move(entry).get(field)) return corrupt("member", fault);
    ondemand::raw_json_string key = field.key();
    simdjson::error_code fault = simdjson::SUCCESS;
    if (key == "_scroll_id" || key == "pit_id") {
      std::string_view cursor;
      fault = field.value().get_string().get(cursor);
      page.cursor = cursor;
    } else if (key == "timed_out") {
      fault = field.value().get_bool().get(timed_out);
    } else if (key == "_shards") {
      fault = field.value()["failed"].get_int64().get(failed);
    } else if (key == "hits") {
      ondemand::array hits;
      if ((fault = field.value()["hits"].get_array().get(hits))) return corrupt("hits", fault);
      seen = true;
      fault = read_hits(hits, page, all_whole);
    }
    if (fault) return corrupt("value", fault);
  }
  if (!seen) return fail(Errc::kCorrupt, "the answer to a search has no hits");
  if (timed_out || failed > 0)
    return fail(Errc::kUnavailable, "not every shard has answered (" + std::to_string(failed) + " failed)");
  if (!all_whole)
    return fail(Errc::kInvalid, "the field that documents are sorted by is not mapped as a date");
  return page;
}

}  // namespace waybill::search
