#pragma once
// A few requests to one search server at a time.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "search/connection.h"

namespace waybill::sink {

/// What became of one body.
struct SentBulk {
  size_t lane = 0;
  Result<search::Reply> reply;
};

/// Posts bodies over `lanes` connections, each with a thread of its own that starts with the first body. Used
/// from one thread, interrupt() from any. Memory: one body and one answer a lane. The destructor ends what is
/// under way.
class BulkPool {
 public:
  BulkPool(const search::Server& server, size_t lanes);
  ~BulkPool();
  BulkPool(const BulkPool&) = delete;
  BulkPool& operator=(const BulkPool&) = delete;

  /// A lane without work; nullopt: all have some.
  std::optional<size_t> free_lane() const;
  bool any_under_way() const { return under_way_ > 0; }
  /// Returns at once. REQUIRES: the lane is free, until take() gives what became of the body.
  void send(size_t lane, std::string path, std::string body);
  /// The first that is finished; nullopt: none until `until`, or none is under way.
  std::optional<SentBulk> take(std::chrono::steady_clock::time_point until);
  /// What is under way ends with kUnavailable, and so does each later one.
  void interrupt();

 private:
  enum class Stage : uint8_t { kIdle, kGiven, kWorking, kFinished };
  struct Lane {
    explicit Lane(const search::Server& server) : connection(server) {}
    search::Connection connection;
    bool free = true;            ///< of the caller's thread
    Stage stage = Stage::kIdle;  ///< with mutex_; body and reply belong to the thread while kWorking
    std::string path;
    std::string body;
    Result<search::Reply> reply;
    std::jthread thread;
  };
  void work(Lane& lane, const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any given_, finished_;
  size_t under_way_ = 0;                      ///< of the caller's thread
  std::vector<std::unique_ptr<Lane>> lanes_;  ///< last: their threads use all of the above
};

}  // namespace waybill::sink
