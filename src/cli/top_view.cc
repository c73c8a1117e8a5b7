#include "cli/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/finding_text.h"

namespace waybill::cli {
namespace {

using Json = nlohmann::json;

constexpr size_t kNameWidthMin = 12;
constexpr size_t kNameWidthMax = 48;

/// SGR codes; empty without colour.
struct Paint {
  bool on;
  std::string operator()(std::string_view code, std::string text) const {
    return on && !code.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }
};
constexpr std::string_view kBad = "1;31", kWarn = "33", kGood = "32", kSoft = "2";

struct Line {
  std::string topic, group, state;
  std::string_view code;
  int64_t produced = 0, consumed = 0, lost = 0, suspected = 0, redelivered = 0, pending = 0;
  std::string lag;
};

std::string age(const Json& seconds) {
  if (!seconds.is_number()) return "-";
  const double s = seconds.get<double>();
  if (s < 120) return fmt::format("{:.1f} s", s);
  return s < 7200 ? fmt::format("{:.0f} min", s / 60) : fmt::format("{:.1f} h", s / 3600);
}

Line line_of(const Json& topic, const Json& group, bool with_cluster) {
  Line line{.topic = shown((with_cluster ? topic.at("cluster").get<std::string>() + "/" : std::string()) +
                           topic.at("name").get<std::string>()),
            .group = shown(group.at("name").get<std::string>()),
            .state = "complete",
            .code = kGood,
            .produced = topic.at("produced"),
            .consumed = group.at("consumed"),
            .lost = group.at("lost"),
            .suspected = group.at("suspected"),
            .redelivered = group.at("redelivered"),
            .pending = group.at("pending"),
            .lag = age(group.at("lag_seconds"))};
  if (line.lost > 0) {
    line.state = "LOST";
    line.code = kBad;
  } else if (line.suspected > 0) {
    line.state = "suspected";
    line.code = kWarn;
  } else if (group.at("unconfirmed").get<int64_t>() > 0) {
    line.state = "unconfirmed";
    line.code = kWarn;
  } else if (!topic.at("complete").get<bool>()) {
    line.state = "incomplete: " + shown(topic.at("incomplete_reasons").dump());
    line.code = kWarn;
  }
  return line;
}

std::vector<Line> lines_of(const Json& overview) {
  const Json& topics = overview.at("topics");
  const bool with_cluster = std::any_of(topics.begin(), topics.end(), [&](const Json& topic) {
    return topic.at("cluster") != topics.front().at("cluster");
  });
  std::vector<Line> lines;
  for (const Json& topic : topics) {
    for (const Json& group : topic.at("groups")) lines.push_back(line_of(topic, group, with_cluster));
    if (topic.at("groups").empty()) {
      lines.push_back({.topic = shown(topic.at("name").get<std::string>()),
                       .group = "-",
                       .state = "no group",
                       .code = kSoft,
                       .produced = topic.at("produced"),
                       .lag = "-"});
    }
  }
  return lines;
}

/// Cut or padded to `width` code points; a name that is cut ends with '~'.
std::string fitted(const std::string& text, size_t width) {
  size_t points = 0;
  size_t end = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) continue;
    if (points == width - 1) end = i;
    ++points;
  }
  if (points > width) return text.substr(0, end) + "~";
  return text + std::string(width - points, ' ');
}

size_t name_width(const std::vector<Line>& lines, std::string Line::*name) {
  size_t most = kNameWidthMin;
  for (const Line& line : lines) most = std::max(most, (line.*name).size());
  return std::min(most, kNameWidthMax);
}

std::string heading(const Json& overview, const Paint& paint) {
  const Json& totals = overview.at("totals");
  const auto of = [&](const char* name) { return totals.at(name).get<int64_t>(); };
  std::string verdict = paint(kGood, "every counted message arrived");
  if (of("lost") > 0) {
    verdict = paint(kBad, fmt::format("{} LOST", of("lost")));
  } else if (of("suspected") + of("unconfirmed") + of("incomplete_topics") > 0) {
    verdict = paint(kWarn, fmt::format("{} suspected, {} unconfirmed, {} topics incomplete", of("suspected"),
                                       of("unconfirmed"), of("incomplete_topics")));
  }
  const auto all = overview.at("topics_total").get<int64_t>();
  const auto chosen = overview.at("matching").get<int64_t>();
  return fmt::format("{}   {}{} topics   produced {}   consumed {}   redelivered {}   pending {}", verdict,
                     chosen < all ? fmt::format("{} of ", chosen) : "", all, short_count(of("produced")),
                     short_count(of("consumed")), short_count(of("redelivered")), short_count(of("pending")));
}

void add_troubles(std::vector<std::string>& out, const Json& sources, const Json& alerts,
                  const Paint& paint) {
  for (const Json& source : sources.at("sources")) {
    if (source.at("state") == "running" && !source.at("degraded").get<bool>()) continue;
    out.push_back(paint(kWarn, fmt::format("{} {}: {} {}", shown(source.at("engine").get<std::string>()),
                                           shown(source.at("cluster").get<std::string>()),
                                           source.at("state").get<std::string>(),
                                           shown(source.at("detail").get<std::string>()))));
  }
  if (!alerts.is_object() || !alerts.contains("alerts")) return;
  for (const Json& alert : alerts.at("alerts")) {
    if (alert.value("state", "") != "firing") continue;
    out.push_back(
        paint(kBad, "firing: " + shown(alert.value("summary", alert.value("rule", std::string("alert"))))));
  }
}

}  // namespace

std::string short_count(int64_t count) {
  if (count < 100'000) return std::to_string(count);
  double value = static_cast<double>(count);
  for (const char* unit : {"k", "M", "G"}) {
    value /= 1000;
    if (value < 1000) return fmt::format("{:.{}f} {}", value, value < 100 ? 1 : 0, unit);
  }
  return fmt::format("{:.0f} G", value);
}

Result<std::vector<std::string>> top_lines(std::string_view overview_text, std::string_view sources_text,
                                           std::string_view alerts_text, const TopView& view) {
  const Paint paint{view.colour};
  std::vector<std::string> out;
  try {
    const Json overview = Json::parse(overview_text);
    out.push_back(heading(overview, paint));
    add_troubles(out, Json::parse(sources_text),
                 alerts_text.empty() ? Json() : Json::parse(alerts_text, nullptr, false), paint);
    out.emplace_back();
    const std::vector<Line> lines = lines_of(overview);
    const size_t topic = name_width(lines, &Line::topic);
    const size_t group = name_width(lines, &Line::group);
    out.push_back(
        paint(kSoft, fmt::format("{} {} {:>8} {:>8} {:>7} {:>9} {:>11} {:>8} {:>9}  STATE",
                                 fitted("TOPIC", topic), fitted("GROUP", group), "PRODUCED", "CONSUMED",
                                 "LOST", "SUSPECTED", "REDELIVERED", "PENDING", "LAG")));
    const size_t room = view.unlimited
                            ? lines.size()
                            : static_cast<size_t>(std::max(1, view.rows - 2 - static_cast<int>(out.size())));
    for (size_t i = 0; i < std::min(room, lines.size()); ++i) {
      const Line& line = lines[i];
      out.push_back(
          fmt::format("{} {} {:>8} {:>8} {:>7} {:>9} {:>11} {:>8} {:>9}  {}", fitted(line.topic, topic),
                      fitted(line.group, group), short_count(line.produced), short_count(line.consumed),
                      short_count(line.lost), short_count(line.suspected), short_count(line.redelivered),
                      short_count(line.pending), line.lag, paint(line.code, line.state)));
    }
    const int64_t matching = overview.at("matching");
    const auto topics = static_cast<int64_t>(overview.at("topics").size());
    if (lines.size() > room || matching > topics)
      out.push_back(
          paint(kSoft, fmt::format("... {} of {} topics; --search and --state choose", topics, matching)));
    if (lines.empty())
      out.emplace_back("nothing has been counted yet: plugin.library.paths=libwaybill_rdkafka turns it on");
  } catch (const Json::exception& e) {
    return fail(Errc::kCorrupt, std::string("the server's answer is not as described: ") + e.what());
  }
  return out;
}

}  // namespace waybill::cli
