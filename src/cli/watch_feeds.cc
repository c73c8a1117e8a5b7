#include "cli/watch_feeds.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/assert.h"
#include "cli/host.h"
#include "source/feed_source.h"
#include "source/file_follower.h"
#include "source/file_names.h"
#include "source/stdin_feed.h"
#include "watch/files_task.h"
#include "watch/tables.h"

namespace waybill::cli {
namespace {

constexpr size_t kLineBytesMax = 16 << 20;

using MakeFeed = std::function<Result<std::unique_ptr<flow::FileFeed>>(std::vector<flow::FollowedFile> known,
                                                                       const Clock& clock, const LogFn& log)>;

/// The rules of each file, compiled once per set. Used on the thread of one job.
class ProgramsOfFiles {
 public:
  explicit ProgramsOfFiles(const WatchConfig& config) : config_(config) {}

  std::shared_ptr<const watch::WatchProgram> of_file(const std::string& path) {
    return of([&path](const WatchSource& source) {
      return source::names_file(source.files, path) && !source::names_file(source.exclude, path);
    });
  }
  std::shared_ptr<const watch::WatchProgram> of_standard_input() {
    return of([](const WatchSource& source) { return !source.standard_input.empty(); });
  }

 private:
  template <class Reads>
  std::shared_ptr<const watch::WatchProgram> of(Reads reads) {
    std::set<size_t> indexes;
    for (size_t i = 0; i < config_.definitions.size(); ++i) {
      const auto& sources = config_.definitions[i].sources;
      if (std::any_of(sources.begin(), sources.end(), reads)) indexes.insert(i);
    }
    if (indexes.empty()) return nullptr;
    auto& program = known_[indexes];
    if (!program) program = watch_program(config_, indexes);
    return program;
  }

  const WatchConfig& config_;
  std::map<std::set<size_t>, std::shared_ptr<const watch::WatchProgram>> known_;
};

using ProgramOf = std::function<std::shared_ptr<const watch::WatchProgram>(const std::string& path)>;

/// `name` names the rows' source, the lease and the Task in the store.
StreamJobSpec feed_job(const std::string& name, const std::string& what, ProgramOf program_of,
                       MakeFeed make_feed) {
  // Shared by the Task, which restores it, and the source, which begins there.
  auto restored = std::make_shared<source::RestoredFiles>();
  flow::SourcePartition partition{name, what, PartitionId(0)};
  auto make_task = [restored, program_of](const flow::TaskId&, std::span<const flow::SourcePartition> parts) {
    return watch::make_files_task({parts[0], program_of, [restored](std::vector<flow::FollowedFile> files) {
                                     restored->files = std::move(files);
                                     ++restored->version;
                                   }});
  };
  return {.engine = "watch",
          .name = name,
          .cluster = name,
          .group = name,
          .topics = {what},
          .plan = [name, what, make_task]() -> Result<flow::Plan> {
            auto tables = watch::watch_tables();
            return flow::Plan{.engine = "watch",
                              .name = name,
                              .kind = flow::Plan::Kind::kWhole,
                              .topics = {what},
                              .tables = {tables.begin(), tables.end()},
                              .make_task = make_task};
          },
          .source =
              [partition, restored, make_feed](flow::Assignments& assignments, const Clock& clock,
                                               const LogFn& log) {
                return source::make_feed_source(
                    {.partition = partition,
                     .member = partition.source,
                     .restored = restored,
                     .make_feed =
                         [make_feed, &clock, log](std::vector<flow::FollowedFile> known) {
                           return make_feed(std::move(known), clock, log);
                         }},
                    assignments, clock);
              }};
}

/// All patterns together, and what every source of files leaves out.
source::FollowOptions follow_options(const WatchConfig& config) {
  source::FollowOptions options;
  options.record.record_bytes_max = kLineBytesMax;
  bool first = true;
  for (const auto& definition : config.definitions) {
    for (const WatchSource& source : definition.sources) {
      if (source.files.empty()) continue;
      for (const std::string& pattern : source.files)
        if (std::find(options.paths.begin(), options.paths.end(), pattern) == options.paths.end())
          options.paths.push_back(pattern);
      if (first) options.exclude = source.exclude;
      std::erase_if(options.exclude, [&source](const std::string& pattern) {
        return std::find(source.exclude.begin(), source.exclude.end(), pattern) == source.exclude.end();
      });
      first = false;
      options.start = source.start.kind == source::StartAt::Kind::kBegin
                          ? source::FollowOptions::Start::kBegin
                          : source::FollowOptions::Start::kEnd;
    }
  }
  return options;
}

}  // namespace

std::shared_ptr<const watch::WatchProgram> watch_program(const WatchConfig& config,
                                                         const std::set<size_t>& indexes) {
  std::vector<watch::Rule> rules;
  std::vector<watch::RuleSettings> settings;
  for (size_t index : indexes) {
    const WatchDefinition& definition = config.definitions[index];
    rules.push_back(definition.rule);
    settings.push_back({definition.window.count(), definition.samples, definition.forward.has_value(),
                        !definition.notify.empty()});
  }
  auto set = watch::RuleSet::compile(std::move(rules));
  ASSERT(set.has_value());
  return std::make_shared<const watch::WatchProgram>(
      watch::WatchProgram{std::move(*set), std::move(settings), watch::Redactor(config.redact)});
}

std::vector<StreamJobSpec> feed_jobs(const WatchConfig& config) {
  std::vector<StreamJobSpec> jobs;
  auto programs =
      std::make_shared<ProgramsOfFiles>(config);  // shared by the Tasks of a job that begins again
  source::FollowOptions options = follow_options(config);
  if (!options.paths.empty()) {
    jobs.push_back(feed_job(
        "files@" + host_name(), "files",
        [programs](const std::string& path) { return programs->of_file(path); },
        [options](std::vector<flow::FollowedFile> known, const Clock& clock,
                  const LogFn& log) -> Result<std::unique_ptr<flow::FileFeed>> {
          return source::FileFollower::make(options, std::move(known), clock, log);
        }));
  }
  if (!config.standard_input.empty()) {
    auto of_input = std::make_shared<ProgramsOfFiles>(config);  // another thread's
    jobs.push_back(feed_job(
        "stdin@" + host_name(), config.standard_input,
        [of_input](const std::string&) { return of_input->of_standard_input(); },
        [name = config.standard_input](std::vector<flow::FollowedFile>, const Clock& clock,
                                       const LogFn& log) -> Result<std::unique_ptr<flow::FileFeed>> {
          auto input = source::open_standard_input();
          if (!input) return tl::make_unexpected(std::move(input.error()));
          return std::make_unique<source::StdinFeed>(*std::move(input), name, kLineBytesMax, clock, log);
        }));
  }
  return jobs;
}

}  // namespace waybill::cli
