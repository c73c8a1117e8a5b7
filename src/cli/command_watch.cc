// waybill watch: files and pipes through the two stages, in this process.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/commands.h"
#include "cli/logger.h"
#include "cli/stop_signal.h"
#include "cli/watch_args.h"
#include "cli/watch_config.h"
#include "cli/watch_output.h"
#include "cli/watch_rules.h"
#include "source/file_follower.h"
#include "source/line_blocks.h"

namespace waybill::cli {
namespace {

constexpr int kExitMatched = 0, kExitNothing = 1, kExitError = 2;
/// Larger ones leave the processor's cache before they are scanned, smaller ones cost the kernel more.
constexpr size_t kBlockBytes = 1 << 20;
constexpr size_t kLineBytesMax = 64 << 20;
constexpr Millis kPollEvery{200};

/// The rules of the command line or the configuration.
Result<WatchConfig> rules_of(const WatchArgs& args) {
  if (!args.config.empty()) {
    auto loaded = load_watches(args.config, real_world());
    if (!loaded) return fail(Errc::kInvalid, loaded.error());
    return std::move(*loaded);
  }
  std::vector<watch::Condition> parts;
  std::string name;
  auto add = [&](Result<watch::Condition> part, const std::string& text) -> Result<void> {
    if (!part) return tl::make_unexpected(std::move(part.error()));
    parts.push_back(std::move(*part));
    name += (name.empty() ? "" : " and ") + text;
    return {};
  };
  for (const auto& match : args.matches) {
    if (auto added = add(match_argument(match), match); !added)
      return tl::make_unexpected(std::move(added.error()));
  }
  if (!args.text.empty()) {
    if (auto added = add(text_argument(args.text), args.text); !added)
      return tl::make_unexpected(std::move(added.error()));
  }
  if (parts.empty())
    return fail(Errc::kInvalid,
                "what to watch for is missing: -c FILE, --match FIELD=PATTERN or --text PATTERN");
  WatchDefinition definition;
  definition.rule = {
      std::move(name), parts.size() == 1 ? std::move(parts[0]) : watch::Condition::all(std::move(parts)), {}};
  WatchConfig config;
  config.definitions.push_back(std::move(definition));
  return config;
}

class Watch {
 public:
  Watch(const WatchArgs& args, const WatchConfig& config, const watch::RuleSet& rules)
      : args_(args),
        redactor_(config.redact),
        matcher_(rules),
        output_(args, rules, redactor_, samples_of(config)) {}

  int run() {
    std::vector<std::string> files = args_.files.empty() ? std::vector<std::string>{"-"} : args_.files;
    bool pipe = std::find(files.begin(), files.end(), "-") != files.end();
    if (args_.follow && !pipe) {
      follow(files);
    } else {
      for (const auto& file : files) read(file);
    }
    output_.summary();
    if (std::ferror(stdout)) failed("writing to the standard output failed");
    return failed_ ? kExitError : output_.any() ? kExitMatched : kExitNothing;
  }

 private:
  static std::vector<int64_t> samples_of(const WatchConfig& config) {
    std::vector<int64_t> out;
    for (const auto& definition : config.definitions) out.push_back(definition.samples);
    return out;
  }

  void failed(std::string_view message) {
    fmt::print(stderr, "waybill: {}\n", message);
    failed_ = true;
  }

  void oversized(std::string_view path, uint64_t offset, uint64_t size) {
    fmt::print(
        stderr,
        "waybill: {}: a line of {} bytes at byte {} is too long and was skipped; at most {} are read\n", path,
        size, offset, kLineBytesMax);
    watch::ScanCounts counts;
    counts.lines = counts.malformed = 1;
    counts.bytes = static_cast<int64_t>(size);
    output_.add(counts);
  }

  void read(const std::string& path) {
    auto blocks =
        source::open_line_blocks(path, {.block_bytes = kBlockBytes, .line_bytes_max = kLineBytesMax});
    if (!blocks) return failed(blocks.error().message);
    std::unique_ptr<source::BlockBuffer> buffer;
    for (;;) {
      auto block = (*blocks)->next(std::move(buffer));
      if (!block) return failed(block.error().message);
      if (!*block) return;
      if ((*block)->oversized) {
        oversized(path, (*block)->oversized->offset, (*block)->oversized->size);
      } else {
        output_.at(path, (*block)->offset);
        output_.add(matcher_.scan((*block)->bytes, source::BlockBuffer::kPadding, output_));
        if (path == "-") output_.flush();
      }
      buffer = std::move((*block)->buffer);
      if (std::ferror(stdout)) return;
    }
  }

  void follow(const std::vector<std::string>& files) {
    StopSignal signal;
    const LogFn log = make_log({.level = LogLevel::kWarn}, system_clock());
    source::FollowOptions options;
    options.paths = files;
    options.record.record_bytes_max = kLineBytesMax;
    options.block_bytes = kBlockBytes;
    auto follower = source::FileFollower::make(std::move(options), {}, system_clock(), log);
    if (!follower) return failed(follower.error().message);
    std::map<uint64_t, std::string> paths;
    while (!signal.wait(Millis(0)) && !std::ferror(stdout)) {
      flow::FileBatch batch = (*follower)->poll(kPollEvery);
      if (batch.file == 0) continue;
      if (!paths.contains(batch.file)) {
        for (const auto& file : (*follower)->files()) paths[file.id] = file.path;
      }
      for (const auto& record : batch.records) {
        output_.at(paths[batch.file], record.offset);
        output_.add(matcher_.scan(record.text, 0, output_));
      }
      output_.flush();
    }
  }

  const WatchArgs& args_;
  watch::Redactor redactor_;
  watch::Matcher matcher_;
  WatchOutput output_;
  bool failed_ = false;
};

}  // namespace

int watch_command(const WatchArgs& args) {
  auto config = rules_of(args);
  if (!config) {
    fmt::print(stderr, "waybill: {}\n", config.error().message);
    return kExitError;
  }
  std::vector<watch::Rule> rules;
  for (const auto& definition : config->definitions) rules.push_back(definition.rule);
  auto set = watch::RuleSet::compile(std::move(rules));
  if (!set) {
    fmt::print(stderr, "waybill: {}: {}\n", config->definitions[set.error().rule].rule.name,
               set.error().fault.message);
    return kExitError;
  }
  return Watch(args, *config, **set).run();
}

}  // namespace waybill::cli
