#pragma once
// What doctor finds and what it advises, as text. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace waybill::cli {

struct Symptom {
  enum class Level { kFine, kWarn, kFail } level = Level::kFine;
  std::string what;
  std::string advice;  ///< what to do, lines; empty when fine
};
/// "fail  what" and the advice below it, indented; ends with a newline.
std::string symptom_text(const Symptom& symptom);

using Properties = std::vector<std::pair<std::string, std::string>>;

/// A client's configuration, one "name=value" a line; '#' begins a comment, blanks around both are left out.
/// A later line of a name replaces an earlier one. kInvalid with the line.
Result<Properties> parse_client_properties(std::string_view text);
/// The value of that name, or nothing.
std::optional<std::string> property(const Properties& properties, std::string_view name);

/// Who a client is for the broker's authorizer, as far as its properties tell; a placeholder for a
/// certificate.
std::string principal_of(const Properties& properties);

struct MissingRight {
  std::string_view operation;  ///< Read, Write, Describe, DescribeConfigs, Create
  std::string_view resource;   ///< topic, group
  std::string name;
};
/// The kafka-acls line that gives the right, safe to paste into a shell.
std::string acl_line(const Properties& properties, const MissingRight& right);

/// What to do when no broker was reached with these properties, for `reason`. `version` is that of
/// librdkafka, 0xMMmmrrpp: before 2.6.1 it repeats its nonce when it logs in by SCRAM, which brokers from 4.0
/// on refuse (librdkafka pull request 4895).
std::string reach_advice(const Properties& properties, std::string_view reason, int version);

/// Settings of the audit topic that would lose reports or make times worse. Empty when all are good.
std::vector<Symptom> judge_audit_topic(const std::string& topic, const Properties& settings);

/// Whether the broker's clock is near enough ours: message times and the API's do not fit otherwise.
Symptom judge_clock(int64_t ahead_ms, int64_t uncertain_ms);

}  // namespace waybill::cli
