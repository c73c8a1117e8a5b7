// One report -> several, each within the size of a message.

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/assert.h"
#include "tally/report_codec.h"
#include "tally/report_writer.h"

namespace waybill::tally {
namespace {

constexpr size_t kSplitBytesMin = 64 * 1024;
constexpr uint32_t kAnyIndex =
    UINT32_MAX;  // measured with the longest index, so a part is never longer than planned

/// Bytes that one item adds to a report.
class Ruler {
 public:
  size_t of(const Entry& item) { return measure(wire::append_entry, item, kAnyIndex); }
  size_t of(const CoverageChunk& item) { return measure(wire::append_coverage, item, kAnyIndex); }
  size_t of(const Position& item) { return measure(wire::append_position, item, kAnyIndex); }
  size_t of(const Rate& item) { return measure(wire::append_rate, item, kAnyIndex); }
  size_t of(const ClientInfo& item) { return measure(wire::append_client, item); }
  size_t of(const std::string& topic) { return measure(wire::append_topic, topic); }
  size_t of(const Dropped& item) { return measure(wire::append_dropped, item); }
  size_t header(Report report) {
    report.closed = true;
    report.number = ReportNumber(UINT64_MAX);  // the caller's number may be longer than the present one
    return measure(wire::append_header, report);
  }

 private:
  template <class Append, class... Args>
  size_t measure(Append append, const Args&... args) {
    scratch_.clear();
    append(args..., scratch_);
    return scratch_.size();
  }
  std::string scratch_;
};

/// Cuts `chunk` before `cut`; the chunk keeps what lies below, the result is the rest.
CoverageChunk cut_off(CoverageChunk& chunk, Offset cut) {
  CoverageChunk rest = chunk;
  rest.seen.clear();
  rest.again.clear();
  rest.reordered.clear();
  const auto range_of = [](OffsetRange& range) -> OffsetRange& { return range; };
  const auto range_in = [](Repeat& repeat) -> OffsetRange& { return repeat.range; };
  const auto cut_list = [cut](auto& list, auto& rest_list, auto get) {
    auto it =
        std::partition_point(list.begin(), list.end(), [&](auto& item) { return get(item).end <= cut; });
    rest_list.assign(it, list.end());
    list.erase(it, list.end());
    if (rest_list.empty() || get(rest_list.front()).begin >= cut) return;
    list.push_back(rest_list.front());
    get(list.back()).end = cut;
    get(rest_list.front()).begin = cut;
  };
  cut_list(chunk.seen, rest.seen, range_of);
  cut_list(chunk.again, rest.again, range_in);
  cut_list(chunk.reordered, rest.reordered, range_of);
  return rest;
}

/// Appends `chunk` to `out` in pieces of at most `bytes_max`, by halving. A piece whose lists have
/// one item at most is not cut.
void cut_to_size(CoverageChunk&& chunk, size_t bytes_max, Ruler& ruler, std::vector<CoverageChunk>& out) {
  std::vector<CoverageChunk> todo;
  todo.push_back(std::move(chunk));
  while (!todo.empty()) {
    CoverageChunk& piece = todo.back();
    const size_t most = std::max({piece.seen.size(), piece.again.size(), piece.reordered.size()});
    if (most <= 1 || ruler.of(piece) <= bytes_max) {
      out.push_back(std::move(piece));
      todo.pop_back();
      continue;
    }
    const Offset cut = piece.seen.size() == most    ? piece.seen[most / 2].begin
                       : piece.again.size() == most ? piece.again[most / 2].range.begin
                                                    : piece.reordered[most / 2].begin;
    CoverageChunk rest = cut_off(piece, cut);
    CoverageChunk first = std::move(piece);
    todo.back() = std::move(rest);
    todo.push_back(std::move(first));  // the lower half first
  }
}

class Splitter {
 public:
  Splitter(const Report& header, std::vector<ClientInfo>&& clients, size_t bytes_max, Ruler& ruler)
      : header_(header), clients_(std::move(clients)), bytes_max_(bytes_max), ruler_(ruler) {
    for (size_t i = 0; i < clients_.size(); ++i) client_index_.emplace(clients_[i].ref, i);
    used_.resize(clients_.size());
    header_bytes_ = ruler_.header(header_);
    start_part();
  }

  template <class Item>
  void put(std::vector<Item> Report::*list, Item&& item) {
    size_t bytes = ruler_.of(item) + overhead(item.client, item.topic);
    if (bytes_ + bytes > bytes_max_ && has_content_) {
      start_part();
      bytes = ruler_.of(item) + overhead(item.client, item.topic);
    }
    carry(item.client);
    topics_.insert(item.topic);
    bytes_ += bytes;
    has_content_ = true;
    (parts_.back().*list).push_back(std::move(item));
  }

  void put_unused_clients() {
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (used_[i]) continue;
      const size_t bytes = ruler_.of(clients_[i]);
      if (bytes_ + bytes > bytes_max_ && has_content_) start_part();
      bytes_ += bytes;
      has_content_ = true;
      parts_.back().clients.push_back(clients_[i]);
    }
  }

  std::vector<Report> finish(const Report& whole) && {
    for (Report& part : parts_) {
      part.complete_up_to_ms = whole.from_ms;
      part.closed = false;
    }
    parts_.back().complete_up_to_ms = whole.complete_up_to_ms;
    parts_.back().closed = whole.closed;
    parts_.front().dropped = whole.dropped;
    return std::move(parts_);
  }

 private:
  void start_part() {
    parts_.push_back(header_);
    carried_.clear();
    topics_.clear();
    bytes_ = header_bytes_;
    if (parts_.size() == 1) bytes_ += ruler_.of(header_.dropped);
    parts_.back().dropped = {};
    has_content_ = false;
  }
  /// Bytes of the client and the topic, unless the part has them already.
  size_t overhead(uint32_t client, const std::string& topic) {
    size_t bytes = topics_.contains(topic) ? 0 : ruler_.of(topic);
    const auto it = client_index_.find(client);
    if (it != client_index_.end() && !carried_.contains(client)) bytes += ruler_.of(clients_[it->second]);
    return bytes;
  }
  void carry(uint32_t client) {
    const auto it = client_index_.find(client);
    if (it == client_index_.end() || !carried_.insert(client).second) return;
    used_[it->second] = true;
    parts_.back().clients.push_back(clients_[it->second]);
  }

  const Report& header_;  ///< without content
  const std::vector<ClientInfo> clients_;
  const size_t bytes_max_;
  Ruler& ruler_;
  std::unordered_map<uint32_t, size_t> client_index_;
  std::vector<bool> used_;
  size_t header_bytes_ = 0;
  std::vector<Report> parts_;
  // Of the part that is being filled:
  std::unordered_set<uint32_t> carried_;
  std::unordered_set<std::string> topics_;
  size_t bytes_ = 0;
  bool has_content_ = false;
};

}  // namespace

std::vector<Report> split_report(Report&& report, size_t bytes_max) {
  ASSERT(bytes_max >= kSplitBytesMin);
  std::vector<Report> parts;
  if (encode_report(report).size() <= bytes_max) {
    parts.push_back(std::move(report));
    return parts;
  }
  Ruler ruler;
  auto clients = std::exchange(report.clients, {});
  auto entries = std::exchange(report.entries, {});
  auto coverage = std::exchange(report.coverage, {});
  auto positions = std::exchange(report.positions, {});
  auto rates = std::exchange(report.rates, {});
  Splitter splitter(report, std::move(clients), bytes_max, ruler);
  // A chunk is cut to half a part at most, so that parts fill well.
  std::vector<CoverageChunk> pieces;
  for (CoverageChunk& chunk : coverage) {
    pieces.clear();
    cut_to_size(std::move(chunk), bytes_max / 2, ruler, pieces);
    for (CoverageChunk& piece : pieces) splitter.put(&Report::coverage, std::move(piece));
  }
  for (Entry& entry : entries) splitter.put(&Report::entries, std::move(entry));
  for (Rate& rate : rates) splitter.put(&Report::rates, std::move(rate));
  for (Position& position : positions) splitter.put(&Report::positions, std::move(position));
  splitter.put_unused_clients();
  return std::move(splitter).finish(report);
}

}  // namespace waybill::tally
