#pragma once
// A few requests to one search server at a time.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
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
  size_t slot = 0;
  Result<search::Reply> reply;
};

/// Posts bodies over `lanes` connections, each with a thread of its own that starts with the first body;
/// others wait, so that a connection is never without work because its caller is slow. Used from one thread,
/// interrupt() from any. Memory: `slots` bodies and answers. The destructor ends what is under way.
class BulkPool {
 public:
  BulkPool(const search::Server& server, size_t lanes, size_t slots);
  ~BulkPool();
  BulkPool(const BulkPool&) = delete;
  BulkPool& operator=(const BulkPool&) = delete;

  /// Room for one more body; nullopt: there is none.
  std::optional<size_t> free_slot() const;
  bool any_under_way() const { return under_way_ > 0; }
  /// Returns at once; bodies go out in this order. REQUIRES: the slot is free, until take() gives what became
  /// of it.
  void send(size_t slot, std::string path, std::string body);
  /// The first that is finished; nullopt: none until `until`, or none is under way.
  std::optional<SentBulk> take(std::chrono::steady_clock::time_point until);
  /// Slots of bodies that no connection has begun to send; they are free again, and the bodies gone.
  std::vector<size_t> withdraw();
  /// What is under way ends with kUnavailable, and so does each later one.
  void interrupt();

 private:
  struct Slot {
    bool free = true;  ///< of the caller's thread
    /// Of one thread at a time: the caller's, or that of the lane which has it.
    std::string path;
    std::string body;
    Result<search::Reply> reply;
  };
  struct Lane {
    explicit Lane(const search::Server& server) : connection(server) {}
    search::Connection connection;
    std::jthread thread;
  };
  void work(search::Connection& connection, const std::stop_token& stop);

  std::vector<Slot> slots_;
  size_t under_way_ = 0;  ///< of the caller's thread: slots that are not free
  std::mutex mutex_;
  std::condition_variable_any given_, finished_;
  std::deque<size_t> waiting_, done_;         ///< slots, with mutex_
  std::vector<std::unique_ptr<Lane>> lanes_;  ///< last: their threads use all of the above
};

}  // namespace waybill::sink
