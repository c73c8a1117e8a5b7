#pragma once
// Field numbers of proto/waybill/v1/report.proto. For the .cc files of this folder only.

#include <cstdint>

namespace waybill::tally::fields {

enum class Report : uint32_t {
  kVersion = 1,
  kReporter = 2,
  kNumber = 3,
  kFromMs = 4,
  kCompleteUpToMs = 5,
  kClosed = 6,
  kClusterId = 7,
  kDataCenter = 8,
  kHost = 9,
  kIp = 10,
  kService = 11,
  kPid = 12,
  kBucketMs = 13,
  kAuditPartitions = 14,
  kTopics = 15,
  kClients = 16,
  kEntries = 17,
  kCoverage = 18,
  kPositions = 19,
  kRates = 20,
  kDropped = 21,
};

enum class Client : uint32_t {
  kRef = 1,
  kClientId = 2,
  kKind = 3,
  kGroup = 4,
  kInstance = 5,
  kFlags = 6,
  kLibrary = 7
};

enum class Entry : uint32_t {
  kClient = 1,
  kTier = 2,
  kTierName = 3,
  kTopic = 4,
  kBucket = 5,
  kStartMs = 6,
  kTimeTypes = 7,
  kCount = 8,
  kBytes = 9,
  kUnknown = 10,
  kOffsetUnknown = 11,
  kFailed = 12,
  kLatency = 13,
};

enum class Failed : uint32_t { kCode = 1, kCount = 2 };

enum class Coverage : uint32_t {
  kClient = 1,
  kTier = 2,
  kTierName = 3,
  kTopic = 4,
  kPartition = 5,
  kBucket = 6,
  kStartMs = 7,
  kSession = 8,
  kSeen = 9,
  kAgain = 10,
  kReordered = 11,
};

enum class Position : uint32_t {
  kClient = 1,
  kTopic = 2,
  kPartition = 3,
  kSession = 4,
  kSessionFirst = 5,
  kNext = 6,
  kHigh = 7,
  kCommitted = 8,
  kLastTimeMs = 9,
};

enum class Rate : uint32_t {
  kClient = 1,
  kTier = 2,
  kTierName = 3,
  kTopic = 4,
  kMinuteMs = 5,
  kCount = 6,
  kBytes = 7
};

enum class Dropped : uint32_t { kMessages = 1, kCoverage = 2, kTopics = 3 };

}  // namespace waybill::tally::fields
