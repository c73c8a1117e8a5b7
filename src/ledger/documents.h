#pragma once
// One document per producer, message and consumer, for an index that people search.

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "decode/json_fields.h"
#include "flow/rows.h"
#include "ledger/roster.h"

namespace waybill::ledger {

/// Where lines were logged: host, address, place and application of the document that a line came in. Few,
/// so each is a number; 0 = unknown. Not thread-safe.
class Origins {
 public:
  static constexpr std::array<std::string_view, 4> kFields = {"hostName", "ip", "serLoc", "applicationId"};
  static constexpr size_t kOriginsMax = 65'535;  ///< later ones are unknown
  static constexpr size_t kValueBytesMax = 255;  ///< longer values are cut off
  using Values = std::array<std::string, kFields.size()>;

  /// `envelope`: where a document keeps its line; the fields stand beside it.
  explicit Origins(const std::vector<std::string>& envelope);
  /// Of a line as it came. About 1 us.
  uint16_t of(std::string_view line);
  /// REQUIRES: returned by of(), or 0.
  const Values& operator[](uint16_t origin) const { return values_[origin]; }
  bool changed() const { return changed_; }

  std::string encode();
  Result<void> restore(std::string_view bytes);

 private:
  uint16_t number_of(Values values);

  decode::JsonFields fields_;
  std::vector<Values> values_;
  absl::flat_hash_map<std::string, uint16_t> numbers_;
  std::string key_;
  bool changed_ = false;
};

/// What is known of one message and one of its consumers.
struct MessageState {
  uint32_t producer = 0;
  uint32_t consumer = 0;
  std::string_view uid;
  int64_t produce_time = 0;  ///< epoch ms, of the first line that was seen: it chooses the index
  bool produced = false;     ///< the producer's line is known
  uint16_t produce_origin = 0;
  struct Consumption {
    int64_t time = 0;
    int64_t latency_ms = 0;
    uint16_t origin = 0;
  };
  std::optional<Consumption> consumed{};
};

/// A document as a row of the outbox. OutboxKey::table is kDocumentOutbox, key is ledger US epoch ms US id,
/// body the document.
inline constexpr std::string_view kDocumentOutbox = "ledger_document";
struct DocumentRow {
  std::string_view ledger;
  int64_t time_ms = 0;
  std::string_view id;
};
/// nullopt: another table's row. Views into the row.
std::optional<DocumentRow> parse_document_row(const flow::OutboxKey& row);

/// PRODUCER/UID/CONSUMER with '/' and '%' of the parts as %2F and %25.
std::string document_id(std::string_view producer, std::string_view uid, std::string_view consumer);

/// Gathers what changed until the next commit; of several changes of one document the last is written. Not
/// thread-safe.
class Documents {
 public:
  explicit Documents(std::string ledger) : ledger_(std::move(ledger)) {}
  void put(const MessageState& state, const Roster& roster, const Origins& origins);
  void flush(std::vector<flow::OutboxKey>& outbox);
  size_t bytes() const { return bytes_; }

 private:
  std::string ledger_;
  std::vector<flow::OutboxKey> rows_;
  absl::flat_hash_map<std::string, size_t> by_key_;  ///< index in rows_
  size_t bytes_ = 0;
};

}  // namespace waybill::ledger
