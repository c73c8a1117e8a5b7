#include "cli/ledger_search.h"

#include <algorithm>

#include "decode/time_zone.h"
#include "flow/once_task.h"
#include "ledger/documents.h"

namespace waybill::cli {

source::OpensearchSourceOptions search_source_options(const LedgerSettings& settings,
                                                      const search::Server& server) {
  const SearchSource& wanted = settings.source.search;
  auto zone = decode::Zone::load(wanted.zone);  // the configuration's check has loaded it before
  source::OpensearchSourceOptions options;
  options.server = server;
  options.index = wanted.index;
  options.query = wanted.query;
  options.time_field = wanted.time_field;
  if (zone) options.zone = *zone;
  options.late = wanted.late;
  options.every = wanted.every;
  options.reread = wanted.reread;
  // A document is {"_source": {...}}; its fields have names without that.
  const std::vector<std::string>& envelope = settings.format.envelope;
  if (envelope.size() < 2 || envelope.front() != "_source") return options;  // all fields
  std::string line = envelope[1];
  for (size_t i = 2; i < envelope.size(); ++i) line += "." + envelope[i];
  const std::string beside = line.substr(0, line.rfind('.') == std::string::npos ? 0 : line.rfind('.') + 1);
  options.fields.push_back(line);
  for (std::string_view field : ledger::Origins::kFields)
    options.fields.push_back(beside + std::string(field));
  return options;
}

const search::Server* search_server(const std::vector<search::Server>& servers, std::string_view name) {
  auto same = [name](const search::Server& server) { return server.name == name; };
  auto found = std::find_if(servers.begin(), servers.end(), same);
  return found == servers.end() ? nullptr : &*found;
}

void read_from_search(StreamJobSpec& job, const LedgerSettings& settings, const search::Server& server) {
  job.cluster = server.name;
  job.group = "waybill-ledger-" + settings.name;
  job.topics = {settings.source.search.index};
  const int64_t late_ms = settings.source.search.late.count();
  job.source = [settings, server](flow::Assignments& assignments, const Clock& clock, const LogFn& log) {
    source::OpensearchSourceOptions options = search_source_options(settings, server);
    options.since_ms = clock.now().wall_ms - settings.source.search.since.count();
    return source::make_opensearch_source(std::move(options), assignments, clock, log);
  };
  job.plan = [plan = std::move(job.plan), late_ms]() -> Result<flow::Plan> {
    auto made = plan();
    if (!made) return made;
    made->make_task = [make = std::move(made->make_task), late_ms](
                          const flow::TaskId& id, std::span<const flow::SourcePartition> partitions) {
      return flow::make_once_task(make(id, partitions), late_ms + kSeenSlackMs);
    };
    return made;
  };
}

}  // namespace waybill::cli
