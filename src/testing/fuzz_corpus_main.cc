// Writes the seed inputs of the fuzz targets of this folder: corpus_main DIRECTORY (in the repository:
// fuzz/corpus).

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tally/report_codec.h"
#include "tally/sample_report.h"

namespace {

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace waybill::tally;
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  const std::filesystem::path reports = std::filesystem::path(argv[1]) / "report_fuzz";
  const std::filesystem::path sketches = std::filesystem::path(argv[1]) / "latency_fuzz";
  const Report sample = sample_report();
  write(reports / "sample", encode_report(sample));
  Report heartbeat;
  heartbeat.reporter = sample.reporter;
  heartbeat.number = sample.number;
  heartbeat.clients = sample.clients;
  write(reports / "heartbeat", encode_report(heartbeat));
  Report positions = heartbeat;
  positions.positions = sample.positions;
  positions.rates = sample.rates;
  write(reports / "positions", encode_report(positions));
  Report coverage = heartbeat;
  coverage.coverage = sample.coverage;
  write(reports / "coverage", encode_report(coverage));
  Report newer = sample;
  newer.version = kReportVersion + 1;
  write(reports / "newer", encode_report(newer));
  write(reports / "cut", encode_report(sample).substr(0, 200));
  for (size_t i = 0; i < sample.entries.size(); ++i) {
    write(sketches / ("entry" + std::to_string(i)), sample.entries[i].bucket.latency.encode());
  }
  return 0;
}
