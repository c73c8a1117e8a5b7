#pragma once
// Logs of producers and consumers with known faults, for tests and benchmarks. Pure: a seed gives the same
// lines anywhere.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace waybill::ledger {

struct GeneratorOptions {
  uint64_t messages = 10'000;
  uint64_t seed = 1;
  uint32_t producers = 50;
  uint32_t consumers_max = 3;  ///< each producer has 1 to this many
  uint32_t messages_per_second = 1000;
  int64_t spread_ms = 120'000;  ///< latencies are spread evenly over this
  int64_t begin_ms = 1'542'902'400'000;
  /// Of a million messages, or of a million (message, consumer) where a consumer takes part.
  uint32_t lost_ppm = 1000;       ///< not consumed by one consumer
  uint32_t duplicated_ppm = 500;  ///< consumed twice by one consumer
  uint32_t unrecorded_ppm = 300;  ///< without a producer's line
  uint32_t failed_ppm = 200;      ///< a send that failed
  uint32_t malformed_ppm = 100;   ///< broken lines beside the messages
  uint32_t ignored_ppm = 300;     ///< other lines beside the messages
  bool exported = false;          ///< as documents with `_source.message`
};

/// What a ledger must find.
struct GeneratedTruth {
  struct Pair {
    uint64_t produced = 0;
    uint64_t consumed = 0;
    uint64_t lost = 0;
    uint64_t duplicated = 0;
    uint64_t unrecorded = 0;
    std::vector<int32_t> latencies_ms{};
  };
  uint64_t lines = 0;
  uint64_t malformed = 0;
  uint64_t ignored = 0;
  uint64_t failed = 0;
  std::map<std::pair<std::string, std::string>, Pair> pairs{};  ///< (producer, consumer)
  std::vector<std::string> lost{};                              ///< "uid|consumer"
  std::vector<std::string> duplicated{};
  std::vector<std::string> unrecorded{};
};

/// Lines in the order of their times; consumers' lines before their producer's now and then. Memory: the
/// lines of one spread, and the truth.
class Generator {
 public:
  explicit Generator(GeneratorOptions options);
  /// Appends the next line with '\n'; false at the end.
  bool next(std::string& out);
  /// Complete once next() has returned false.
  const GeneratedTruth& truth() const { return truth_; }

 private:
  enum class Kind : uint8_t { kProduced, kFailed, kConsumed, kMalformed, kIgnored };
  struct Line {
    int64_t time;     ///< when it is logged
    uint64_t number;  ///< breaks ties
    std::array<uint64_t, 2> uid;
    int64_t produce_time;
    uint32_t producer;
    uint32_t consumer;
    Kind kind;
    bool operator>(const Line& other) const {
      return std::pair(time, number) > std::pair(other.time, other.number);
    }
  };
  struct Producer {
    std::string name;
    std::vector<std::string> consumers;
    std::vector<GeneratedTruth::Pair*> pairs;
  };

  uint64_t random();
  uint64_t below(uint64_t bound) { return random() % bound; }
  bool chance(uint32_t ppm) { return below(1'000'000) < ppm; }
  void add(Line line);
  void add_message();
  void add_consumers(const Line& produced, bool recorded);
  void write(const Line& line, std::string& out);
  void write_document(const Line& line, std::string& out);

  GeneratorOptions options_;
  uint64_t state_;
  uint64_t made_ = 0;
  uint64_t numbers_ = 0;
  std::vector<Producer> producers_;
  std::priority_queue<Line, std::vector<Line>, std::greater<>> waiting_;
  GeneratedTruth truth_;
  std::string text_;
};

}  // namespace waybill::ledger
