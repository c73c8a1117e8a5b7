#pragma once
// The pieces of encode_report that split_report measures with. For the .cc files of this folder only.

#include <cstdint>
#include <string>

#include "tally/report.h"

namespace waybill::tally::wire {

/// Each appends one field of the Report message, tag and length included. `topic` is the index into `topics`.
void append_header(const Report& report, std::string& out);  ///< all scalar fields
void append_topic(const std::string& topic, std::string& out);
void append_client(const ClientInfo& client, std::string& out);
void append_entry(const Entry& entry, uint32_t topic, std::string& out);
void append_coverage(const CoverageChunk& chunk, uint32_t topic, std::string& out);
void append_position(const Position& position, uint32_t topic, std::string& out);
void append_rate(const Rate& rate, uint32_t topic, std::string& out);
void append_dropped(const Dropped& dropped, std::string& out);  ///< nothing unless dropped.any()

}  // namespace waybill::tally::wire
