#pragma once
// The commands. Each returns the exit code of the process and prints results on stdout, all else on stderr.

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/api_client.h"

namespace waybill::cli {

enum ExitCode : int {
  kExitFine = 0,
  kExitFindings = 1,  ///< --check found a difference, --fail-on a finding, doctor a fault
  kExitUsage = 2,     ///< wrong usage or configuration
  kExitRuntime = 3,   ///< a broker, store, port or file failed
};

struct RunArgs {
  std::string config;  ///< empty: the default files
};
int run_command(const RunArgs& args);
int check_command(const RunArgs& args);

struct DemoArgs {
  std::string run_for;  ///< duration; empty = until it is stopped
  int port = 8420;      ///< when taken, a free one
  bool check = false;
};
int demo_command(const DemoArgs& args);

struct ReportsArgs {
  std::string config;
  std::string brokers;                  ///< instead of a configuration
  std::vector<std::string> properties;  ///< "name=value" of librdkafka
  std::string cluster;                  ///< needed when several are audited
  std::string topic;                    ///< default from the configuration
  std::string from;                     ///< a time; empty = the beginning
  bool follow = false;
};
int reports_command(const ReportsArgs& args);

/// Asks a running server.
struct LostArgs {
  enum class Format { kTable, kJson, kNdjson };
  ServerArgs server;
  std::string topic;
  std::string cluster, group;       ///< empty = any
  std::string from, to;             ///< times as the API takes them; empty = all
  std::vector<std::string> states;  ///< empty = lost; "all"
  bool fail_on_lost = false;
  Format format = Format::kTable;
};
int lost_command(const LostArgs& args);

/// Asks a running server, again and again.
struct TopArgs {
  ServerArgs server;
  std::string cluster, search, state;  ///< empty = all
  std::string every = "2s";            ///< duration
  bool once = false;
};
int top_command(const TopArgs& args);

/// Which losses of a group are meant.
struct LossArgs {
  std::string cluster, group;
  std::string from, to;    ///< times of messages as the API takes them; empty = all
  int64_t partition = -1;  ///< -1 = all
  std::string offsets;     ///< "100-136", inclusive, of `partition`; empty = all
};

struct AcceptArgs {
  ServerArgs server;
  std::string topic;
  LossArgs what;
  std::string reason;
  bool dry_run = false;
};
int accept_command(const AcceptArgs& args);

/// Exit code 1 when something could not be delivered.
struct ReplayArgs {
  ServerArgs server;
  std::string topic;
  LossArgs what;
  std::string to_topic;  ///< one of these three
  bool to_stdout = false;
  bool same_topic = false;
  bool yes = false;
  bool dry_run = false;
  bool again = false;
  std::string reason;
};
int replay_command(const ReplayArgs& args);

/// Asks the brokers. Exit code 1 when something would not work.
struct DoctorArgs {
  std::string config;               ///< empty: the default files, or none when there is a client_config
  std::string client_config;        ///< name=value lines of a librdkafka client
  std::string plugin;               ///< its path; empty = the client's, else by its name
  std::vector<std::string> topics;  ///< that the collector reads messages of
};
int doctor_command(const DoctorArgs& args);

int version_command();

struct CompletionArgs {
  std::string shell;  ///< bash, zsh or fish
};
int completion_command(const CompletionArgs& args);

}  // namespace waybill::cli
