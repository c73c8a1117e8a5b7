#include "sink/document_schema.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace waybill::sink {
namespace {

using std::chrono::day;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

// Panels of users who had their fields mapped by the server say "producer.keyword".
constexpr std::string_view kMessageProperties = R"({
"producer":{"type":"keyword","fields":{"keyword":{"type":"keyword"}}},
"uid":{"type":"keyword"},
"consumer":{"type":"keyword","fields":{"keyword":{"type":"keyword"}}},
"produce_time":{"type":"date"},
"producer_time":{"type":"alias","path":"produce_time"},
"mq_chanel":{"type":"keyword","fields":{"keyword":{"type":"keyword"}}},
"ctime":{"type":"long"},
"consume_time":{"type":"date"},
"desc":{"type":"keyword"},
"consumer_desc":{"type":"keyword"},
"hostName":{"type":"keyword"},
"ip":{"type":"keyword"},
"serLoc":{"type":"keyword"},
"applicationId":{"type":"keyword"},
"produce_log":{"properties":{"hostName":{"type":"keyword"},"ip":{"type":"keyword"},"serLoc":{"type":"keyword"},"applicationId":{"type":"keyword"}}},
"consume_log":{"properties":{"hostName":{"type":"keyword"},"ip":{"type":"keyword"},"serLoc":{"type":"keyword"},"applicationId":{"type":"keyword"}}}})";

constexpr std::string_view kHopProperties = R"({
"cluster":{"type":"keyword"},
"topic":{"type":"keyword"},
"tier":{"type":"keyword"},
"groupId":{"type":"keyword"},
"service":{"type":"keyword"},
"host":{"type":"keyword"},
"ip":{"type":"keyword"},
"begin":{"type":"date"},
"end":{"type":"date"},
"msgCount":{"type":"long"},
"latencyMean":{"type":"double"},
"latencyMax":{"type":"long"},
"latencyC95":{"type":"long"},
"latencyC99":{"type":"long"},
"lost":{"type":"long"},
"redelivered":{"type":"long"}})";

}  // namespace

std::string_view document_properties(DocumentKind kind) {
  return kind == DocumentKind::kMessages ? kMessageProperties : kHopProperties;
}

std::string template_path(const search::ServerKind& server, std::string_view alias) {
  return std::string(server.composable_templates() ? "/_index_template/" : "/_template/") + "waybill-" +
         std::string(alias);
}

std::string template_body(const search::ServerKind& server, std::string_view alias, DocumentKind kind) {
  std::string mapping = R"({"dynamic":false,"properties":)" + std::string(document_properties(kind)) + "}";
  if (server.typed()) mapping = R"({"_doc":)" + mapping + "}";
  const std::string what = R"("settings":{"index":{"number_of_shards":1}},"mappings":)" + mapping +
                           R"(,"aliases":{")" + std::string(alias) + R"(":{}})";
  const std::string patterns = R"("index_patterns":[")" + std::string(alias) + R"(-*"])";
  if (!server.composable_templates()) return "{" + patterns + R"(,"order":100,)" + what + "}";
  return "{" + patterns + R"(,"priority":500,"template":{)" + what + "}}";
}

std::string day_index(std::string_view alias, int64_t time_ms) {
  const year_month_day date(
      floor<days>(std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(time_ms))));
  char text[32];
  const int size = std::snprintf(text, sizeof text, "-%04d.%02u.%02u", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return std::string(alias).append(text, static_cast<size_t>(size));
}

std::optional<int64_t> day_of_index(std::string_view alias, std::string_view index) {
  if (!index.starts_with(alias)) return std::nullopt;
  index.remove_prefix(alias.size());
  if (index.size() != 11 || index[0] != '-' || index[5] != '.' || index[8] != '.') return std::nullopt;
  auto number = [index](size_t from, size_t size) {
    int value = -1;
    const char* end = index.data() + from + size;
    auto [at, fault] = std::from_chars(index.data() + from, end, value);
    return fault == std::errc() && at == end ? value : -1;
  };
  const int y = number(1, 4), m = number(6, 2), d = number(9, 2);
  if (y < 0 || m < 0 || d < 0) return std::nullopt;
  const year_month_day date(year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d)));
  if (!date.ok()) return std::nullopt;
  return sys_days(date).time_since_epoch().count();
}

}  // namespace waybill::sink
