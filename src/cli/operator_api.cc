#include "cli/operator_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/hash.h"
#include "cli/finding_text.h"
#include "cli/operator_body.h"
#include "flow/failpoint.h"
#include "source/probe.h"

namespace waybill::cli {
namespace {

using http::Request;
using http::Response;
using tally::DecidedPartition;
using tally::Decision;
using tally::DecisionKind;
using Members = std::map<std::string, std::string>;

constexpr Millis kReadTimeout{10'000};
constexpr Millis kSendTimeout{20'000};
constexpr Millis kWriteTimeout{5'000};
constexpr Millis kGroupsTimeout{5'000};
constexpr Millis kAppliedTimeout{10'000};  ///< until the collector has taken note that a replay begins
constexpr Millis kAppliedEvery{50};
constexpr int kWriteTries = 3;
constexpr size_t kReasonMax = 1'000;

Result<bool> flag(const Members& members, const char* name) {
  auto it = members.find(name);
  if (it == members.end() || it->second == "false") return false;
  if (it->second == "true") return true;
  return fail(Errc::kInvalid, fmt::format("{}: true or false is needed", name));
}

std::string text(const Members& members, const char* name) {
  auto it = members.find(name);
  return it == members.end() ? std::string() : it->second;
}

Result<int64_t> whole(std::string_view text, std::string_view name) {
  int64_t value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < 0)
    return fail(Errc::kInvalid, fmt::format("{}: a whole number from 0 on is needed", name));
  return value;
}

/// What is in `ranges` and not in `taken`; both sorted.
std::vector<OffsetRange> without(const OffsetRange& range, const std::vector<OffsetRange>& taken) {
  std::vector<OffsetRange> out;
  Offset at = range.begin;
  for (const OffsetRange& t : taken) {
    if (t.end <= at || t.begin >= range.end) continue;
    if (t.begin > at) out.push_back({at, t.begin});
    at = std::max(at, t.end);
  }
  if (at < range.end) out.push_back({at, range.end});
  return out;
}

Json run_json(PartitionId partition, OffsetRange range) {
  return {{"partition", partition.value},
          {"first_offset", range.begin.value},
          {"last_offset", range.end.value - 1},
          {"count", range.size()}};
}

void add_unreplayable(Json& list, PartitionId partition, OffsetRange range, std::string_view why) {
  if (range.empty()) return;
  Json run = run_json(partition, range);
  run["reason"] = why;
  list.push_back(std::move(run));
}

/// Appends one offset to runs that ascend.
void append(std::vector<DecidedPartition>& list, PartitionId partition, Offset offset) {
  if (list.empty() || list.back().partition != partition) list.push_back({partition, {}, PartitionId(0), {}});
  auto& ranges = list.back().ranges;
  if (!ranges.empty() && ranges.back().end == offset) {
    ranges.back().end = offset + 1;
  } else {
    ranges.push_back({offset, offset + 1});
  }
}

/// Appends where one message went.
void append(std::map<std::pair<int32_t, int32_t>, DecidedPartition>& list, PartitionId partition,
            Offset offset, const source::Delivered& told) {
  DecidedPartition& p = list[{partition.value, told.partition.value}];
  p.partition = partition;
  p.to_partition = told.partition;
  if (!p.moved.empty()) {
    tally::Moved& last = p.moved.back();
    if (last.range.end == offset && last.to + last.range.size() == told.offset) {
      last.range.end = offset + 1;
      return;
    }
  }
  p.moved.push_back({{offset, offset + 1}, told.offset});
}

}  // namespace

struct OperatorApi::Replay {
  enum class To : uint8_t { kTopic, kPlace, kOut } to = To::kTopic;
  std::string topic, group, to_topic;
  Members members;
  bool again = false, dry_run = false;
  int64_t messages_max = kReplayMessagesMax;
  std::pair<int32_t, int64_t> from{0, 0};  ///< partition and offset at which this request goes on
  std::optional<source::Redelivery> kafka;
  audit::Selection selection;
  std::vector<audit::LostRange> todo;
  struct Item {
    PartitionId partition;
    source::WholeMessage message;
  };
  std::vector<Item> items;
  std::vector<source::Delivered> told;
  std::optional<std::pair<int32_t, int64_t>> next;
  Json not_replayable = Json::array(), earlier = Json::array(), warnings = Json::array();
  Json other_groups = Json::array();
  Decision decision;

  audit::Params params(const char* state) const {
    return [this, state](std::string_view name) -> std::optional<std::string> {
      if (name == "state") return state;
      auto it = members.find(std::string(name));
      return it == members.end() ? std::nullopt : std::optional(it->second);
    };
  }
  Result<void> parse(const Request& request);
  Response answer() const;
};

Result<void> OperatorApi::Replay::parse(const Request& request) {
  auto body = body_members(
      request.body, {"group", "cluster", "from", "to", "partition", "first_offset", "last_offset", "to_topic",
                     "same_topic", "stdout", "yes", "dry_run", "again", "reason", "by", "limit", "next"});
  if (!body) return tl::make_unexpected(body.error());
  members = std::move(*body);
  topic = request.path_params.at("topic");
  group = text(members, "group");
  to_topic = text(members, "to_topic");
  bool place = false, out = false, yes = false;
  for (auto [name, value] :
       {std::pair("same_topic", &place), std::pair("stdout", &out), std::pair("yes", &yes),
        std::pair("again", &again), std::pair("dry_run", &dry_run)}) {
    auto said = flag(members, name);
    if (!said) return tl::make_unexpected(said.error());
    *value = *said;
  }
  if (int{place} + int{out} + int{!to_topic.empty()} != 1)
    return fail(Errc::kInvalid, "exactly one of to_topic, same_topic and stdout is needed");
  if (place && !yes && !dry_run)
    return fail(Errc::kInvalid,
                "same_topic: every group of the topic gets these messages again; \"yes\": true says "
                "that this is wanted, \"dry_run\": true names the groups");
  if (to_topic == topic) return fail(Errc::kInvalid, "to_topic is the topic itself: say same_topic");
  to = place ? To::kPlace : out ? To::kOut : To::kTopic;
  if (place) to_topic = topic;
  if (text(members, "reason").size() > kReasonMax || text(members, "by").size() > kReasonMax)
    return fail(Errc::kLimit, "reason and by have at most 1000 bytes");
  if (members.contains("limit")) {
    auto limit = whole(members["limit"], "limit");
    if (!limit) return tl::make_unexpected(limit.error());
    if (*limit < 1 || *limit > kReplayMessagesMax)
      return fail(Errc::kInvalid, fmt::format("limit: 1 to {} is allowed", kReplayMessagesMax));
    messages_max = *limit;
  }
  if (std::string at = text(members, "next"); !at.empty()) {
    size_t colon = at.find(':');
    auto partition = whole(std::string_view(at).substr(0, colon), "next");
    auto offset = whole(colon == std::string::npos ? "" : std::string_view(at).substr(colon + 1), "next");
    if (!partition || !offset || *partition > INT32_MAX)
      return fail(Errc::kInvalid, "next: not one that an earlier answer gave");
    from = {static_cast<int32_t>(*partition), *offset};
  }
  return {};
}

Decision OperatorApi::draft(const std::string& topic, const std::string& cluster, int64_t incarnation) const {
  Decision d;
  d.id = Id128::random();
  d.decided_ms = clock_.now().wall_ms;
  d.cluster = cluster;
  d.topic = topic;
  d.audit_partitions = config_.audit.partitions;
  d.incarnation = incarnation;
  return d;
}

Result<void> OperatorApi::write(const source::Redelivery& kafka, const Decision& decision) {
  if (auto fine = tally::check_decision(decision); !fine) return fine;
  source::Outgoing record;
  record.partition = audit_partition(decision.topic, config_.audit.partitions);
  record.message.value = tally::encode_decision(decision);
  if (record.message.value->size() > tally::kDecisionBytesMax)
    return fail(Errc::kLimit, "these are too many ranges for one decision; take them in parts");
  std::string why;
  for (int i = 0; i < kWriteTries; ++i) {  // the collector applies an id once, so that a repeat does no harm
    auto told = kafka.send(config_.audit.topic, std::span(&record, 1), kWriteTimeout);
    if (!told) return tl::make_unexpected(told.error());
    if (told->front().state == source::Delivered::State::kAcknowledged) return {};
    why = told->front().error;
  }
  return fail(Errc::kUnavailable, fmt::format("writing to topic {}: {}", config_.audit.topic, why));
}

Response OperatorApi::accept(const Request& request) {
  auto body = body_members(request.body, {"group", "cluster", "from", "to", "partition", "first_offset",
                                          "last_offset", "reason", "by", "dry_run"});
  if (!body) return http::problem(body.error());
  const std::string topic = request.path_params.at("topic");
  const std::string reason = text(*body, "reason");
  auto dry_run = flag(*body, "dry_run");
  if (!dry_run) return http::problem(dry_run.error());
  if (reason.find_first_not_of(" \t\r\n") == std::string::npos || reason.size() > kReasonMax)
    return http::problem(400, "reason: say in at most 1000 bytes why this is no loss to be chased");
  const bool times = body->contains("from") && body->contains("to");
  const bool offsets =
      body->contains("partition") && body->contains("first_offset") && body->contains("last_offset");
  if (!times && !offsets)
    return http::problem(400, "say what to accept: from and to, or partition, first_offset and last_offset");
  auto selection = audit::select_lost(
      store_, topic,
      [&](std::string_view name) -> std::optional<std::string> {
        auto it = body->find(std::string(name));
        return it == body->end() ? std::nullopt : std::optional(it->second);
      },
      clock_.now());
  if (!selection) return http::problem(selection.error());
  if (selection->ranges.empty()) {
    return http::problem(404,
                         fmt::format("group {} has lost nothing there of topic {}; only what is lost can be "
                                     "accepted",
                                     text(*body, "group"), topic));
  }
  Decision decision = draft(topic, selection->cluster, selection->incarnation);
  decision.kind = DecisionKind::kAccept;
  decision.group = text(*body, "group");
  decision.reason = reason;
  decision.by = text(*body, "by");
  decision.partitions = audit::decided(selection->ranges);
  if (!*dry_run) {
    const ClusterConfig& cluster = config_.cluster(selection->cluster);
    auto done = write(source::Redelivery({cluster.name, cluster.properties}), decision);
    if (!done) return http::problem(done.error());
  }
  return {.status = *dry_run ? 200 : 202,
          .body = text_of({{"decision", *dry_run ? Json() : Json(decision.id.hex())},
                           {"cluster", selection->cluster},
                           {"topic", topic},
                           {"group", decision.group},
                           {"dry_run", *dry_run},
                           {"messages", decision.messages()},
                           {"ranges", ranges_json(decision.partitions)}})};
}

Response OperatorApi::replay(const Request& request) {
  Replay replay;
  if (auto parsed = replay.parse(request); !parsed) return http::problem(parsed.error());
  std::unique_lock turn(replaying_, std::try_to_lock);
  if (!turn)
    return http::problem(409, "another replay is under way in this server; try again when it has ended");
  return replay_in_turn(replay);
}

Response OperatorApi::replay_in_turn(Replay& replay) {
  if (auto done = choose(replay); !done) return http::problem(done.error());
  if (auto done = leave_out_delivered(replay); !done) return http::problem(done.error());
  if (auto done = read(replay); !done) return http::problem(done.error());
  if (replay.to == Replay::To::kPlace) name_groups(replay);
  if (replay.dry_run || replay.to == Replay::To::kOut || replay.items.empty()) return replay.answer();
  if (auto done = begin(replay); !done) return http::problem(done.error());
  flow::failpoint("replay.begun");
  auto delivered = deliver(replay);
  flow::failpoint("replay.sent");
  auto ended = end(replay);
  if (!delivered) return http::problem(delivered.error());
  if (!ended) {
    replay.warnings.push_back(fmt::format(
        "what was delivered could not be recorded ({}): this replay stays open as {}, and the next one "
        "will say that its messages may have been delivered",
        ended.error().message, replay.decision.id.hex()));
  }
  return replay.answer();
}

/// What is lost, from where this request goes on.
Result<void> OperatorApi::choose(Replay& replay) {
  auto lost = audit::select_lost(store_, replay.topic, replay.params("lost"), clock_.now());
  if (!lost) return tl::make_unexpected(lost.error());
  auto before = audit::select_lost(store_, replay.topic, replay.params("replayed"), clock_.now());
  if (!before) return tl::make_unexpected(before.error());
  replay.selection = std::move(*lost);
  auto& ranges = replay.selection.ranges;
  const int64_t replayed = before->messages();
  if (replay.again) {
    ranges.insert(ranges.end(), before->ranges.begin(), before->ranges.end());
    std::sort(ranges.begin(), ranges.end(), [](const audit::LostRange& a, const audit::LostRange& b) {
      return std::pair(a.partition, a.range.begin) < std::pair(b.partition, b.range.begin);
    });
  }
  if (ranges.empty() && replayed > 0) {
    return fail(
        Errc::kConflict,
        fmt::format("these {} messages were replayed already, by {}; \"again\": true (--again) delivers them "
                    "once more",
                    replayed, before->ranges.front().decision));
  }
  if (ranges.empty()) {
    return fail(Errc::kNotFound,
                fmt::format("group {} has lost nothing there of topic {}", replay.group, replay.topic));
  }
  if (replay.again && replayed > 0)
    replay.warnings.push_back(fmt::format("{} of these messages were replayed before", replayed));
  for (audit::LostRange& r : ranges) {
    if (r.partition.value < replay.from.first) continue;
    if (r.partition.value == replay.from.first)
      r.range.begin = std::max(r.range.begin, Offset(replay.from.second));
    if (r.range.empty()) continue;
    if (r.reason == "skipped") {
      replay.todo.push_back(r);
    } else {
      add_unreplayable(replay.not_replayable, r.partition, r.range, r.reason);
    }
  }
  const ClusterConfig& cluster = config_.cluster(replay.selection.cluster);
  replay.kafka.emplace(source::KafkaCluster{cluster.name, cluster.properties});
  return {};
}

/// What an earlier replay has delivered, or may have, is named and left out, unless it is wanted again.
Result<void> OperatorApi::leave_out_delivered(Replay& replay) {
  auto rows = audit::decisions(store_, replay.selection.cluster, replay.topic, replay.group, "");
  if (!rows) return tl::make_unexpected(rows.error());
  std::map<int32_t, std::vector<OffsetRange>> taken;
  for (const audit::DecisionRow& row : *rows) {
    if (row.kind != "replay" || row.state == "refused" || row.incarnation != replay.selection.incarnation)
      continue;
    const bool begun = row.state == "begun";
    auto note = [&](const audit::DecisionRow::Run& run, bool sure) {
      OffsetRange range{Offset(run.first), Offset(run.last + 1)};
      for (const audit::LostRange& r : replay.todo) {
        OffsetRange both{std::max(r.range.begin, range.begin), std::min(r.range.end, range.end)};
        if (r.partition.value != run.partition || r.state != "lost" || both.empty()) continue;
        taken[r.partition.value].push_back(both);
        Json item = run_json(r.partition, both);
        item["decision"] = row.id;
        item["at"] = row.decided_ms;
        item["outcome"] = sure ? "delivered" : "unknown";
        replay.earlier.push_back(std::move(item));
      }
    };
    for (const auto& run : begun ? row.ranges : row.unsure) note(run, false);
    for (const auto& run : row.moved) note(run, true);
  }
  if (replay.earlier.empty()) return {};
  const Json& first = replay.earlier.front();
  const std::string said =
      fmt::format("a replay of {} ({}) {} some of these messages", utc_text(first["at"].get<int64_t>()),
                  first["decision"].get<std::string>(),
                  first["outcome"] == "delivered" ? "has put back, and the group has not consumed yet,"
                                                  : "may have delivered");
  replay.warnings.push_back(said);
  if (replay.again) return {};
  std::vector<audit::LostRange> left;
  for (const audit::LostRange& r : replay.todo) {
    auto& of = taken[r.partition.value];
    std::sort(of.begin(), of.end());
    for (const OffsetRange& range : without(r.range, of)) {
      left.push_back(r);
      left.back().range = range;
    }
  }
  replay.todo = std::move(left);
  if (!replay.todo.empty()) return {};
  return fail(
      Errc::kConflict,
      said + ", and nothing else is left; \"again\": true (--again) delivers them, perhaps a second time");
}

/// Reads what fits into this request, and says of the rest why it cannot be had, or where to go on.
Result<void> OperatorApi::read(Replay& replay) {
  int64_t room = replay.messages_max;
  int64_t bytes = kReplayBytesMax;
  for (size_t i = 0; i < replay.todo.size() && !replay.next;) {
    const PartitionId partition = replay.todo[i].partition;
    std::vector<OffsetRange> ranges;
    for (; i < replay.todo.size() && replay.todo[i].partition == partition && !replay.next; ++i) {
      OffsetRange range = replay.todo[i].range;
      if (room == 0) {
        replay.next = {partition.value, range.begin.value};
        break;
      }
      if (range.size() > room) {
        range.end = range.begin + room;
        replay.next = {partition.value, range.end.value};
      }
      room -= range.size();
      ranges.push_back(range);
    }
    if (ranges.empty()) break;
    flow::ReadLimits limits{.messages_max = replay.messages_max, .bytes_max = bytes, .timeout = kReadTimeout};
    auto answer = replay.kafka->read({replay.selection.cluster, replay.topic, partition}, ranges, limits);
    if (!answer) return tl::make_unexpected(answer.error());
    std::vector<OffsetRange> there;
    for (source::WholeMessage& m : answer->messages) {
      there.push_back({m.offset, m.offset + 1});
      bytes -= m.bytes();
      replay.items.push_back({partition, std::move(m)});
    }
    for (const OffsetRange& range : ranges) {
      OffsetRange judged{range.begin, std::min(range.end, std::max(answer->judged_to, range.begin))};
      for (const OffsetRange& gone : without(judged, there)) {
        Offset border = std::clamp(answer->bounds.start, gone.begin, gone.end);
        add_unreplayable(replay.not_replayable, partition, {gone.begin, border}, "expired");
        add_unreplayable(replay.not_replayable, partition, {border, gone.end}, "absent");
      }
      if (judged.end < range.end) {
        replay.next = {partition.value, judged.end.value};
        break;
      }
    }
    if (bytes <= 0 && !replay.next && i < replay.todo.size())
      replay.next = {replay.todo[i].partition.value, replay.todo[i].range.begin.value};
  }
  if (replay.items.empty() && replay.next && *replay.next <= replay.from)
    return fail(Errc::kUnavailable, "the broker did not hand out a message in time; try again");
  return {};
}

/// The other groups that a message in its own topic reaches, as far as broker and store know.
void OperatorApi::name_groups(Replay& replay) {
  std::set<std::string> names;
  auto known = replay.kafka->groups_reading(replay.topic, kGroupsTimeout);
  if (known) {
    names.insert(known->begin(), known->end());
  } else {
    replay.warnings.push_back("the broker does not name all groups of the topic: " + known.error().message);
  }
  auto audited = audit::groups_of(store_, replay.selection.cluster, replay.topic);
  if (audited) names.insert(audited->begin(), audited->end());
  names.erase(replay.group);
  for (const std::string& name : names) replay.other_groups.push_back(name);
}

/// Tells the collector what is about to be delivered, and waits until that is stored: from then on a crash of
/// ours is visible to whoever replays next.
Result<void> OperatorApi::begin(Replay& replay) {
  if (replay.to == Replay::To::kTopic) {
    if (replay.to_topic == config_.audit.topic) return fail(Errc::kInvalid, "to_topic is the audit topic");
    const ClusterConfig& c = config_.cluster(replay.selection.cluster);
    auto count = source::probe_topic({c.name, c.properties}, replay.to_topic, kWriteTimeout);
    if (!count) return tl::make_unexpected(count.error());
  }
  Decision& d = replay.decision;
  d = draft(replay.topic, replay.selection.cluster, replay.selection.incarnation);
  d.kind = DecisionKind::kReplayBegin;
  d.group = replay.group;
  d.reason = text(replay.members, "reason");
  d.by = text(replay.members, "by");
  d.to_topic = replay.to_topic;
  d.again = replay.again;
  for (const auto& item : replay.items) append(d.partitions, item.partition, item.message.offset);
  if (auto written = write(*replay.kafka, d); !written) return written;
  const int64_t until = clock_.now().steady_ms + kAppliedTimeout.count();
  while (clock_.now().steady_ms < until) {
    auto rows = audit::decisions(store_, d.cluster, d.topic, d.group, d.id.hex());
    if (rows && !rows->empty() && rows->front().state == "refused")
      return fail(Errc::kConflict, "nothing was delivered: " + rows->front().detail);
    if (rows && !rows->empty()) return {};
    std::this_thread::sleep_for(kAppliedEvery);
  }
  Decision given_up = d;
  given_up.kind = DecisionKind::kReplayEnd;
  given_up.partitions.clear();
  (void)write(*replay.kafka, given_up);
  return fail(Errc::kUnavailable, "nothing was delivered: no collector has taken note within 10 s");
}

Result<void> OperatorApi::deliver(Replay& replay) {
  std::vector<source::Outgoing> out;
  for (const Replay::Item& item : replay.items) {
    source::Outgoing o{replay.to == Replay::To::kPlace ? item.partition : PartitionId(-1), item.message};
    o.message.headers.emplace_back(
        "waybill-replay",
        fmt::format("{}/{}/{}", replay.topic, item.partition.value, item.message.offset.value));
    out.push_back(std::move(o));
  }
  auto told = replay.kafka->send(replay.to_topic, out, kSendTimeout);
  if (!told) return tl::make_unexpected(told.error());
  replay.told = std::move(*told);
  return {};
}

/// Tells what was acknowledged, and of what nobody knows.
Result<void> OperatorApi::end(Replay& replay) {
  Decision end = replay.decision;
  end.kind = DecisionKind::kReplayEnd;
  end.again = false;
  end.partitions.clear();
  std::map<std::pair<int32_t, int32_t>, DecidedPartition> moved;
  for (size_t i = 0; i < replay.told.size(); ++i) {
    const Replay::Item& item = replay.items[i];
    const source::Delivered& told = replay.told[i];
    if (told.state == source::Delivered::State::kAcknowledged)
      append(moved, item.partition, item.message.offset, told);
    if (told.state == source::Delivered::State::kUnknown)
      append(end.partitions, item.partition, item.message.offset);
  }
  for (auto& [key, part] : moved) end.partitions.push_back(std::move(part));
  return write(*replay.kafka, end);
}

Response OperatorApi::Replay::answer() const {
  Json body{{"decision", decision.id == Id128{} ? Json() : Json(decision.id.hex())},
            {"cluster", selection.cluster},
            {"topic", topic},
            {"group", group},
            {"to_topic", to_topic.empty() ? Json() : Json(to_topic)},
            {"dry_run", dry_run}};
  const bool sent = !told.empty();
  Json ranges = Json::array(), moved = Json::array(), failed = Json::array(), messages = Json::array();
  std::vector<DecidedPartition> found;
  std::map<std::pair<int32_t, int32_t>, DecidedPartition> went;
  for (size_t i = 0; i < items.size(); ++i) {
    append(found, items[i].partition, items[i].message.offset);
    if (to == To::kOut && !dry_run)
      messages.push_back(message_json(items[i].partition.value, items[i].message));
    if (!sent) continue;
    if (told[i].state == source::Delivered::State::kAcknowledged) {
      append(went, items[i].partition, items[i].message.offset, told[i]);
    } else {
      Json run = run_json(items[i].partition, {items[i].message.offset, items[i].message.offset + 1});
      run["outcome"] = told[i].state == source::Delivered::State::kFailed ? "failed" : "unknown";
      run["error"] = told[i].error;
      failed.push_back(std::move(run));
    }
  }
  for (const auto& [key, p] : went) {
    for (const tally::Moved& m : p.moved) {
      moved.push_back({{"partition", p.partition.value},
                       {"first_offset", m.range.begin.value},
                       {"last_offset", m.range.end.value - 1},
                       {"to_partition", p.to_partition.value},
                       {"to_first_offset", m.to.value}});
    }
  }
  body["count"] = items.size();
  body["ranges"] = ranges_json(found);
  body["moved"] = std::move(moved);
  body["failed"] = std::move(failed);
  body["messages"] = std::move(messages);
  body["not_replayable"] = not_replayable;
  body["delivered_before"] = earlier;
  body["other_groups"] = other_groups;
  body["warnings"] = warnings;
  body["next"] = next ? Json(fmt::format("{}:{}", next->first, next->second)) : Json();
  return {.status = sent ? 202 : 200, .body = text_of(body)};
}

std::vector<http::Route> operator_routes(const Config& config, flow::Store& store, const Clock& clock) {
  // The routes share it; it ends with the last of them.
  auto api = std::make_shared<OperatorApi>(config, store, clock);
  return {{"POST", "/api/v1/topics/{topic}/accept", http::Role::kOperator,
           [api](const Request& request) { return api->accept(request); }},
          {"POST", "/api/v1/topics/{topic}/replay", http::Role::kOperator,
           [api](const Request& request) { return api->replay(request); }},
          {"GET", "/api/v1/topics/{topic}/decisions", http::Role::kViewer,
           [&store, &clock](const Request& request) -> Response {
             auto body = audit::decisions_json(
                 store, request.path_params.at("topic"),
                 [&request](std::string_view name) { return request.param(name); }, clock.now());
             if (!body) return http::problem(body.error());
             return {.body = std::move(*body)};
           }}};
}

}  // namespace waybill::cli
