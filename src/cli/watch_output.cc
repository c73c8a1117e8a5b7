#include "cli/watch_output.h"

#include <fmt/format.h>

#include <cstdio>

#include "http/json.h"

namespace waybill::cli {
namespace {

constexpr size_t kFlushBytes = 64 << 10;
constexpr size_t kSampleBytesMax = 4 << 10;

using http::json_string;

}  // namespace

WatchOutput::WatchOutput(const WatchArgs& args, const watch::RuleSet& rules, const watch::Redactor& redactor,
                         std::vector<int64_t> samples)
    : args_(args),
      rules_(rules),
      redactor_(redactor),
      samples_max_(std::move(samples)),
      lines_(!args.count &&
             (args.format == WatchArgs::Format::kLines || args.format == WatchArgs::Format::kNdjson)),
      tallies_(rules.rules().size()) {}

void WatchOutput::at(std::string_view path, uint64_t offset) {
  if (path != path_) {
    path_ = path;
    last_line_ = UINT64_MAX;
  }
  block_offset_ = offset;
}

void WatchOutput::matched(const watch::Match& match) {
  any_ = true;
  uint64_t offset = block_offset_ + match.offset;
  if (lines_) {
    if (args_.format == WatchArgs::Format::kNdjson) {
      fmt::format_to(
          std::back_inserter(out_),
          R"({{"rule":{},"cluster":null,"topic":{},"partition":0,"offset":{},"time":null,"fields":{},"text":{}}})"
          "\n",
          json_string(rules_.rules()[match.rule].name), json_string(path_), offset, fields_json(match),
          json_string(match.line));
    } else if (offset != last_line_) {
      out_.append(match.line).push_back('\n');
      last_line_ = offset;
    }
    if (out_.size() >= kFlushBytes) flush();
    return;
  }
  Tally& tally = tallies_[match.rule];
  auto place = [&](Hit& hit) { hit.path = path_, hit.offset = offset; };
  if (tally.matched++ == 0) place(tally.first);
  if (static_cast<int64_t>(tally.samples.size()) < samples_max_[match.rule]) {
    Hit sample;
    place(sample);
    sample.text = redactor_.text(match.line.substr(0, kSampleBytesMax));
    sample.fields = fields_json(match);
    tally.samples.push_back(std::move(sample));
  }
  place(tally.last);
}

/// The fields that the rule names, as far as they have a text.
std::string WatchOutput::fields_json(const watch::Match& match) const {
  std::string out = "{";
  for (uint32_t index : match.fields ? rules_.fields_of(match.rule) : std::span<const uint32_t>{}) {
    decode::FieldValue value = match.fields->value(index);
    if (!value.has_text()) continue;
    const std::string& path = rules_.fields()[index];
    fmt::format_to(std::back_inserter(out), "{}{}:{}", out.size() > 1 ? "," : "", json_string(path),
                   json_string(lines_ ? std::string(value.text) : redactor_.value(path, value.text)));
  }
  return out + "}";
}

void WatchOutput::flush() {
  std::fwrite(out_.data(), 1, out_.size(), stdout);
  std::fflush(stdout);
  out_.clear();
}

void WatchOutput::summary() {
  if (!lines_)
    out_ += args_.format == WatchArgs::Format::kJson || args_.format == WatchArgs::Format::kNdjson ? json()
                                                                                                   : table();
  flush();
}

std::string WatchOutput::json() const {
  auto hit = [](const Hit& h) {
    return fmt::format(R"({{"topic":{},"offset":{}}})", json_string(h.path), h.offset);
  };
  std::string out = fmt::format(R"({{"lines":{},"bytes":{},"malformed":{},"rules":[)", counts_.lines,
                                counts_.bytes, counts_.malformed);
  for (size_t i = 0; i < tallies_.size(); ++i) {
    const Tally& tally = tallies_[i];
    fmt::format_to(std::back_inserter(out), R"({}{{"name":{},"matched":{},"first":{},"last":{},"samples":[)",
                   i ? "," : "", json_string(rules_.rules()[i].name), tally.matched,
                   tally.matched ? hit(tally.first) : "null", tally.matched ? hit(tally.last) : "null");
    for (const Hit& sample : tally.samples) {
      fmt::format_to(std::back_inserter(out), R"({}{{"topic":{},"offset":{},"fields":{},"text":{}}})",
                     &sample == tally.samples.data() ? "" : ",", json_string(sample.path), sample.offset,
                     sample.fields, json_string(sample.text));
    }
    out += "]}";
  }
  return out + "]}\n";
}

std::string WatchOutput::table() const {
  size_t width = 4;
  for (const auto& rule : rules_.rules()) width = std::max(width, rule.name.size());
  std::string out = fmt::format("{:<{}}  {:>12}\n", "RULE", width, "MATCHED");
  for (size_t i = 0; i < tallies_.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "{:<{}}  {:>12}\n", rules_.rules()[i].name, width,
                   tallies_[i].matched);
  }
  fmt::format_to(std::back_inserter(out), "\n{} lines, {} bytes, {} malformed of {} that had to be parsed\n",
                 counts_.lines, counts_.bytes, counts_.malformed, counts_.parsed);
  return out;
}

}  // namespace waybill::cli
