#pragma once
// A store that tells the log what the collectors met: records that are no reports, caps that were reached,
// gaps.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/log.h"
#include "base/time.h"
#include "flow/passing_store.h"

namespace waybill::cli {

/// Passes everything on. The collector is pure and cannot log; it counts into audit::counter_table() and
/// explains in audit::incomplete_table(), and what is committed there is said here, each kind at most once a
/// minute.
class NoticingStore final : public flow::PassingStore {
 public:
  /// `clock` outlives it.
  NoticingStore(std::unique_ptr<flow::Store> inner, const Clock& clock, LogFn log);

  Result<std::vector<flow::CommitResult>> commit(std::span<const flow::TaskCommit> commits) override;

 private:
  struct Kind {
    int64_t count = 0;  ///< not said yet
    std::string detail;
    int64_t said_ms = INT64_MIN;
  };
  using Key = std::pair<std::string, std::string>;  ///< cluster, kind
  void say(const Key& key, Kind& kind, int64_t now_ms);

  std::unique_ptr<flow::Store> owned_;  ///< inner_
  const Clock& clock_;
  LogFn log_;
  std::mutex mutex_;
  std::map<Key, Kind> kinds_;  ///< clusters times the few kinds below
};

}  // namespace waybill::cli
