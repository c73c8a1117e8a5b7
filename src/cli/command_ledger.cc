// waybill ledger: produce and consume logs matched message by message, over files or the configured topics.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <thread>

#include "base/time.h"
#include "base/types.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/ledger_args.h"
#include "cli/ledger_config.h"
#include "cli/ledger_files.h"
#include "cli/ledger_follow.h"
#include "cli/ledger_report.h"
#include "cli/ledger_search.h"
#include "cli/ledger_search_once.h"
#include "cli/ledger_task_options.h"
#include "cli/ledger_topics.h"
#include "cli/stop_signal.h"
#include "cli/stream_job.h"
#include "source/file_names.h"

namespace waybill::cli {
namespace {

constexpr unsigned kThreadsMax = 8;  // more wait for the one that reads
constexpr double kHoursBack = 2;     // of a source, without -t

int usage(const std::string& message) {
  fmt::print(stderr, "waybill: {}\n", message);
  return kExitUsage;
}

int failed(const Error& error) {
  fmt::print(stderr, "waybill: {}\n", error.message);
  return error.code == Errc::kInvalid ? kExitUsage : kExitRuntime;
}

/// The ledger of `file` that the command line names, or what is wrong, ready to print.
tl::expected<LedgerSettings, std::string> chosen(std::vector<LedgerSettings> ledgers, const LedgerArgs& args,
                                                 const std::string& file) {
  if (ledgers.empty()) return tl::make_unexpected(fmt::format("{}: there is no section \"ledgers\"\n", file));
  if (args.group.empty() && ledgers.size() == 1) return std::move(ledgers.front());
  std::vector<std::string> names;
  for (LedgerSettings& settings : ledgers) {
    if (settings.name == args.group) return std::move(settings);
    names.push_back(settings.name);
  }
  return tl::make_unexpected(
      args.group.empty()
          ? fmt::format("waybill: -g is missing; {} has the ledgers {}\n", file, fmt::join(names, ", "))
          : fmt::format("waybill: there is no ledger \"{}\" in {}; it has {}\n", args.group, file,
                        fmt::join(names, ", ")));
}

/// The same for files, which need no configuration.
tl::expected<LedgerSettings, std::string> settings_of(const LedgerArgs& args) {
  if (args.config.empty()) {
    LedgerSettings settings;
    settings.name = args.group.empty() ? "all" : args.group;
    settings.discover = true;
    return settings;
  }
  auto ledgers = load_ledgers(args.config, real_world());
  if (!ledgers) return tl::make_unexpected(std::move(ledgers.error()));
  return chosen(std::move(*ledgers), args, args.config);
}

/// What `-t` says, from now on back; `otherwise` without it.
int64_t from_ms(const LedgerArgs& args, std::optional<double> otherwise) {
  const std::optional<double> hours = args.hours_back ? args.hours_back : otherwise;
  if (!hours) return 0;
  return std::max<int64_t>(0, system_clock().now().wall_ms - std::llround(*hours * 3'600'000));
}

LedgerReadOptions options_of(const LedgerArgs& args) {
  LedgerReadOptions options;
  const unsigned machine = std::clamp(std::thread::hardware_concurrency(), 1u, kThreadsMax);
  options.threads = args.threads > 0 ? static_cast<unsigned>(args.threads) : machine;
  options.batch_lines = static_cast<size_t>(std::clamp<int64_t>(args.batch_size, 1, 256));
  options.list_unconsumed = args.list == "unconsumed";
  options.list_duplicated = args.list == "duplicated";
  options.list_malformed = args.list == "malformed";
  options.plain = args.plain;
  return options;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_list(const std::string& list, const LedgerFindings& findings) {
  if (list == "malformed") {
    for (const MalformedPlace& place : findings.malformed)
      print(malformed_json(place.place, fault_text(place.fault), place.text));
    return;
  }
  std::vector<ledger::Exception> all;
  auto add = [&all](ledger::Exception exception) { all.push_back(std::move(exception)); };
  if (list == "duplicated") all = findings.totals.duplicates();
  for (const auto& shard : findings.shards) {
    auto owed = [&findings](uint32_t producer) {
      return static_cast<uint32_t>(findings.names[producer].consumers.size());
    };
    if (list == "unconsumed") ledger::for_each_unconsumed(*shard, owed, add);
    if (list == "unrecorded") ledger::for_each_unrecorded(*shard, add);
  }
  std::sort(all.begin(), all.end(), [&findings](const ledger::Exception& a, const ledger::Exception& b) {
    auto key = [&findings](const ledger::Exception& e) {
      const ledger::ProducerName& producer = findings.names[e.producer];
      return std::tie(e.produce_time, e.uid, producer.name, producer.consumers[e.consumer].name);
    };
    return key(a) < key(b);
  });
  for (const ledger::Exception& e : all) {
    const ledger::ProducerName& producer = findings.names[e.producer];
    print(exception_json({.producer = producer.name,
                          .consumer = producer.consumers[e.consumer].name,
                          .uid = e.uid,
                          .produce_time = e.produce_time,
                          .consume_time = e.consume_time}));
  }
}

/// Prints what is found in `input`, whose end makes it final. Returns the exit code.
int read_to_the_end(const LedgerArgs& args, const LedgerSettings& settings, int64_t produced_from,
                    LedgerInput& input) {
  LedgerReadOptions options = options_of(args);
  options.produced_from = produced_from;
  const LedgerFindings findings = read_ledger(settings, input, options, random_ledger_seed());
  for (const Error& error : findings.errors) fmt::print(stderr, "waybill: {}\n", error.message);
  const LedgerSummary summary = summary_of(settings.name, findings);
  if (!args.list.empty()) {
    print_list(args.list, findings);
  } else if (args.format == LedgerArgs::Format::kJson) {
    print(ledger_json(summary) + "\n");
  } else if (args.format == LedgerArgs::Format::kNdjson) {
    for (const std::string& line : ledger_ndjson(summary)) print(line);
  } else {
    print(ledger_table(summary));
  }
  std::fflush(stdout);
  if (std::ferror(stdout) || !findings.errors.empty()) return kExitRuntime;
  return ledger_fails(summary, args.fail_on) ? kExitFindings : kExitFine;
}

int over_files(const LedgerArgs& args, const LedgerSettings& settings) {
  const int64_t from = from_ms(args, std::nullopt);
  if (args.follow) {
    StopSignal signal;
    auto feed = follow_ledger_files(args.files);
    return feed ? follow_ledger(args, settings, from, random_ledger_seed(), **feed, signal)
                : failed(feed.error());
  }
  source::FileNames files = source::expand_file_names(args.files);
  for (const std::string& notice : files.skipped) fmt::print(stderr, "waybill: {}\n", notice);
  for (const Error& error : files.errors) fmt::print(stderr, "waybill: {}\n", error.message);
  auto input = open_ledger_files(std::move(files.paths));
  const int code = read_to_the_end(args, settings, from, *input);
  return files.errors.empty() ? code : kExitRuntime;
}

/// The ledger's configured index.
int over_index(const LedgerArgs& args, const LedgerSettings& settings, const search::Server& server,
               StopSignal& signal) {
  const int64_t from = from_ms(args, kHoursBack);
  const LedgerSearchOptions options{.since_ms = from, .batch = static_cast<size_t>(args.batch_size)};
  if (args.follow) {
    auto feed = follow_search(settings, server, options);
    return follow_ledger(args, settings, from, random_ledger_seed(), *feed, signal);
  }
  auto input = read_search_once(settings, server, options, signal);
  return read_to_the_end(args, settings, from, *input);
}

/// The ledger's configured topics, of which nothing is committed.
int over_topics(const LedgerArgs& args) {
  StopSignal signal;
  auto loaded = load_config(args.config, real_world());
  if (!loaded) {
    fmt::print(stderr, "{}", loaded.error());
    return kExitUsage;
  }
  auto settings = chosen(std::move(loaded->config.ledgers), args, loaded->path);
  if (!settings) {
    fmt::print(stderr, "{}", settings.error());
    return kExitUsage;
  }
  if (const search::Server* server = search_server(loaded->config.search, settings->source.search.server))
    return over_index(args, *settings, *server, signal);
  if (settings->source.topics.empty())
    return usage(fmt::format("no FILE is named, and the ledger \"{}\" of {} has no source", settings->name,
                             loaded->path));
  const int64_t from = from_ms(args, kHoursBack);
  auto topics = LedgerTopics::open({.cluster = kafka_of(loaded->config.cluster(settings->source.cluster)),
                                    .topics = settings->source.topics,
                                    .from_ms = from},
                                   system_clock());
  if (!topics) return failed(topics.error());
  if (args.follow) {
    auto feed = follow_topics(std::move(*topics));
    return follow_ledger(args, *settings, from, random_ledger_seed(), *feed, signal);
  }
  auto input = read_once(std::move(*topics), signal);
  return read_to_the_end(args, *settings, from, *input);
}

}  // namespace

int ledger_command(const LedgerArgs& args) {
  if (args.files.empty() && args.config.empty())
    return usage(
        "no FILE is named; name files, globs or -, or a configuration with -c whose ledger has a source");
  if (args.files.empty()) return over_topics(args);
  auto settings = settings_of(args);
  if (settings) return over_files(args, *settings);
  fmt::print(stderr, "{}", settings.error());
  return kExitUsage;
}

}  // namespace waybill::cli
