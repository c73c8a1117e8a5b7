#pragma once
// A feed and a producer under the hand of a test, for src/agent.

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flow/file_feed.h"
#include "flow/producer.h"

namespace waybill::testing {

/// Files of lines in memory. Their ids are the test's; a line takes its length and one byte.
class FakeFeed final : public flow::FileFeed {
 public:
  void append(uint64_t file, const std::vector<std::string>& lines) {
    File& to = files_[file];
    if (to.lines.empty()) ++ids_;
    for (const std::string& line : lines) {
      to.lines.emplace_back(to.size, line);
      to.size += line.size() + 1;
    }
  }
  /// As a new process finds them: from the stored positions.
  void restart(const std::vector<flow::FollowedFile>& stored) {
    ids_ = files_.empty() ? 0 : 1;
    for (auto& [id, file] : files_) {
      auto known = std::find_if(stored.begin(), stored.end(), [&](const auto& s) { return s.id == id; });
      file.next = known == stored.end() ? 0 : known->next;
    }
  }

  flow::FileBatch poll(Millis) override {
    for (auto& [id, file] : files_) {
      if (file.next == file.size) continue;
      records_.clear();
      for (const auto& [offset, line] : file.lines)
        if (offset >= file.next) records_.push_back({offset, offset + line.size() + 1, line});
      file.next = file.size;
      return {id, records_, file.size};
    }
    return {};
  }
  std::vector<flow::FollowedFile> files() const override {
    std::vector<flow::FollowedFile> all;
    for (const auto& [id, file] : files_) {
      all.emplace_back().id = id;
      all.back().next = file.next;
    }
    return all;
  }
  uint64_t ids_given() const override { return ids_; }
  flow::FeedHealth health() const override { return {}; }

 private:
  struct File {
    std::deque<std::pair<uint64_t, std::string>> lines;  ///< views into them live on
    uint64_t size = 0;
    uint64_t next = 0;
  };
  std::map<uint64_t, File> files_;
  std::vector<flow::FileRecord> records_;
  uint64_t ids_ = 0;
};

/// Takes up to `room` records that have no outcome yet.
class FakeProducer final : public flow::Producer {
 public:
  struct Record {
    std::optional<std::string> key;
    std::string value;
    std::vector<std::pair<std::string, std::string>> headers;
    uint64_t token = 0;
  };

  Taken send(const flow::OutRecord& record) override {
    if (open_ >= room) return Taken::kFull;
    ++open_;
    Record& kept = sent.emplace_back();
    if (record.has_key) kept.key = record.key;
    kept.value = record.value;
    for (const flow::Header& header : record.headers) kept.headers.emplace_back(header.key, header.value);
    kept.token = record.token;
    return Taken::kYes;
  }
  void poll(Millis, std::vector<flow::Outcome>& out) override {
    open_ -= ready_.size();
    out.insert(out.end(), ready_.begin(), ready_.end());
    ready_.clear();
  }
  std::optional<Error> failed() const override { return std::nullopt; }

  void deliver(size_t index) { finish(index, flow::Outcome::Kind::kDelivered); }
  void finish(size_t index, flow::Outcome::Kind kind) {
    ready_.push_back({sent.at(index).token, kind, PartitionId(0), Offset(static_cast<int64_t>(index)), 0});
  }

  size_t room = 1000;
  std::vector<Record> sent;

 private:
  size_t open_ = 0;
  std::vector<flow::Outcome> ready_;
};

}  // namespace waybill::testing
