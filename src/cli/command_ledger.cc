// waybill ledger: produce and consume logs matched message by message, over files.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <thread>

#include "base/time.h"
#include "base/types.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/ledger_args.h"
#include "cli/ledger_config.h"
#include "cli/ledger_files.h"
#include "cli/ledger_report.h"
#include "source/file_names.h"

namespace waybill::cli {
namespace {

constexpr unsigned kThreadsMax = 8;  // more wait for the one that reads

int usage(const std::string& message) {
  fmt::print(stderr, "waybill: {}\n", message);
  return kExitUsage;
}

/// The ledger that the command line names, or what is wrong, ready to print.
tl::expected<LedgerSettings, std::string> settings_of(const LedgerArgs& args) {
  if (args.config.empty()) {
    LedgerSettings settings;
    settings.name = args.group.empty() ? "all" : args.group;
    settings.discover = true;
    return settings;
  }
  auto ledgers = load_ledgers(args.config, real_world());
  if (!ledgers) return tl::make_unexpected(std::move(ledgers.error()));
  if (ledgers->empty())
    return tl::make_unexpected(fmt::format("{}: there is no section \"ledgers\"\n", args.config));
  if (args.group.empty() && ledgers->size() == 1) return std::move(ledgers->front());
  std::vector<std::string> names;
  for (LedgerSettings& settings : *ledgers) {
    if (settings.name == args.group) return std::move(settings);
    names.push_back(settings.name);
  }
  return tl::make_unexpected(args.group.empty()
                                 ? fmt::format("waybill: -g is missing; {} has the ledgers {}\n", args.config,
                                               fmt::join(names, ", "))
                                 : fmt::format("waybill: there is no ledger \"{}\" in {}; it has {}\n",
                                               args.group, args.config, fmt::join(names, ", ")));
}

uint64_t random_seed() {
  const Id128 id = Id128::random();
  uint64_t seed;
  std::memcpy(&seed, id.bytes.data(), sizeof seed);
  return seed;
}

LedgerFilesOptions options_of(const LedgerArgs& args) {
  LedgerFilesOptions options;
  const unsigned machine = std::clamp(std::thread::hardware_concurrency(), 1u, kThreadsMax);
  options.threads = args.threads > 0 ? static_cast<unsigned>(args.threads) : machine;
  options.batch_lines = static_cast<size_t>(std::clamp<int64_t>(args.batch_size, 1, 256));
  if (args.hours_back)
    options.produced_from =
        std::max<int64_t>(0, system_clock().now().wall_ms - std::llround(*args.hours_back * 3'600'000));
  options.list_unconsumed = args.list == "unconsumed";
  options.list_duplicated = args.list == "duplicated";
  options.list_malformed = args.list == "malformed";
  options.plain = args.plain;
  return options;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_list(const std::string& list, const LedgerFindings& findings) {
  if (list == "malformed") {
    for (const MalformedPlace& place : findings.malformed) print(malformed_json(place));
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
  for (const ledger::Exception& exception : all) print(exception_json(exception, findings.names));
}

/// Whether something is there that the user wants to fail on.
bool failing(const LedgerArgs& args, const LedgerFindings& findings) {
  const LedgerSums sums = ledger_sums(findings);
  return std::any_of(args.fail_on.begin(), args.fail_on.end(), [&](const std::string& what) {
    return (what == "unconsumed" && sums.unconsumed) || (what == "duplicated" && sums.duplicated) ||
           (what == "unrecorded" && sums.unrecorded) || (what == "malformed" && findings.counts.malformed);
  });
}

}  // namespace

int ledger_command(const LedgerArgs& args) {
  if (args.files.empty())
    return usage(
        "no FILE is named; name files, globs or - (the sources of a configuration are read by waybill run)");
  if (args.follow)
    return usage(
        "--follow does not read files as they grow; waybill run follows the source of a ledger in the "
        "configuration");
  auto settings = settings_of(args);
  if (!settings) {
    fmt::print(stderr, "{}", settings.error());
    return kExitUsage;
  }
  const source::FileNames files = source::expand_file_names(args.files);
  for (const std::string& notice : files.skipped) fmt::print(stderr, "waybill: {}\n", notice);
  for (const Error& error : files.errors) fmt::print(stderr, "waybill: {}\n", error.message);
  const LedgerFindings findings =
      read_ledger_files(*settings, files.paths, options_of(args), random_seed(), [] { return false; });
  for (const Error& error : findings.errors) fmt::print(stderr, "waybill: {}\n", error.message);
  if (!args.list.empty()) {
    print_list(args.list, findings);
  } else if (args.format == LedgerArgs::Format::kJson) {
    print(ledger_json(settings->name, findings) + "\n");
  } else if (args.format == LedgerArgs::Format::kNdjson) {
    print(ledger_ndjson(settings->name, findings));
  } else {
    print(ledger_table(settings->name, findings));
  }
  std::fflush(stdout);
  if (std::ferror(stdout) || !files.errors.empty() || !findings.errors.empty()) return kExitRuntime;
  return failing(args, findings) ? kExitFindings : kExitFine;
}

}  // namespace waybill::cli
