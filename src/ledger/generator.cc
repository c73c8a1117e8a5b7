#include "ledger/generator.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace waybill::ledger {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kSubjects[] = {"order",  "pay",    "stock", "sms",     "coupon",
                                          "member", "search", "risk",  "invoice", "ship"};
constexpr int64_t kLateLogMs = 30;  ///< a producer's line may be logged that much after the send

void append_hex(std::string& out, uint64_t value, int from, int to) {
  for (int i = from; i < to; ++i) out += kHex[(value >> (60 - 4 * i)) & 15];
}

std::string uid_text(const std::array<uint64_t, 2>& uid) {
  std::string out;
  out.reserve(36);
  append_hex(out, uid[0], 0, 8);
  out += '-';
  append_hex(out, uid[0], 8, 12);
  out += '-';
  append_hex(out, uid[0], 12, 16);
  out += '-';
  append_hex(out, uid[1], 0, 4);
  out += '-';
  append_hex(out, uid[1], 4, 16);
  return out;
}

void append_number(std::string& out, int64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

}  // namespace

Generator::Generator(GeneratorOptions options) : options_(options), state_(options.seed) {
  options_.producers = std::max(1u, options_.producers);
  options_.consumers_max = std::clamp(options_.consumers_max, 1u, 26u);
  options_.messages_per_second = std::max(1u, options_.messages_per_second);
  options_.spread_ms = std::max<int64_t>(1, options_.spread_ms);
  for (uint32_t p = 0; p < options_.producers; ++p) {
    Producer producer;
    append_hex(producer.name, random(), 0, 16);
    append_hex(producer.name, random(), 0, 16);
    std::string queue = "queue." + std::string(kSubjects[p % std::size(kSubjects)]) + "." +
                        (p < 10 ? "0" : "") + std::to_string(p);
    const uint64_t count = 1 + below(options_.consumers_max);
    for (uint64_t c = 0; c < count; ++c) {
      producer.consumers.push_back(queue + "." + static_cast<char>('a' + c));
      producer.pairs.push_back(&truth_.pairs[{producer.name, producer.consumers.back()}]);
    }
    producers_.push_back(std::move(producer));
  }
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
uint64_t Generator::random() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

bool Generator::next(std::string& out) {
  // Everything of later messages is logged after their sends.
  const auto time_of = [this](uint64_t message) {
    return options_.begin_ms + static_cast<int64_t>(message * 1000 / options_.messages_per_second);
  };
  while (made_ < options_.messages && (waiting_.empty() || waiting_.top().time >= time_of(made_)))
    add_message();
  if (waiting_.empty()) return false;
  const Line line = waiting_.top();
  waiting_.pop();
  write(line, out);
  ++truth_.lines;
  return true;
}

void Generator::add(Line line) {
  line.number = numbers_++;
  waiting_.push(line);
}

void Generator::add_message() {
  const int64_t time =
      options_.begin_ms + static_cast<int64_t>(made_++ * 1000 / options_.messages_per_second);
  Line line{time,           0, {random(), random()}, time, static_cast<uint32_t>(below(producers_.size())), 0,
            Kind::kProduced};
  if (chance(options_.malformed_ppm)) {
    ++truth_.malformed;
    Line broken = line;
    broken.kind = Kind::kMalformed;
    broken.uid = {random(), random()};
    add(broken);
  }
  if (chance(options_.ignored_ppm)) {
    ++truth_.ignored;
    Line other = line;
    other.kind = Kind::kIgnored;
    add(other);
  }
  if (chance(options_.failed_ppm)) {
    ++truth_.failed;
    line.kind = Kind::kFailed;
    return add(line);
  }
  const bool recorded = !chance(options_.unrecorded_ppm);
  if (recorded) {
    Line logged = line;
    if (chance(20'000)) logged.time += static_cast<int64_t>(below(kLateLogMs));
    add(logged);
  }
  add_consumers(line, recorded);
}

void Generator::add_consumers(const Line& produced, bool recorded) {
  const Producer& producer = producers_[produced.producer];
  for (uint32_t c = 0; c < producer.consumers.size(); ++c) {
    GeneratedTruth::Pair& pair = *producer.pairs[c];
    const bool lost = recorded && chance(options_.lost_ppm);
    const bool twice = !lost && chance(options_.duplicated_ppm);
    const auto latency = static_cast<int64_t>(1 + below(static_cast<uint64_t>(options_.spread_ms)));
    const std::string name =
        lost || twice || !recorded ? uid_text(produced.uid) + "|" + producer.consumers[c] : std::string();
    pair.produced += recorded;
    if (!recorded) {
      ++pair.unrecorded;
      truth_.unrecorded.push_back(name);
    }
    if (lost) {
      ++pair.lost;
      truth_.lost.push_back(name);
      continue;
    }
    ++pair.consumed;
    pair.latencies_ms.push_back(static_cast<int32_t>(latency));
    Line consumed = produced;
    consumed.kind = Kind::kConsumed;
    consumed.consumer = c;
    consumed.time = produced.produce_time + latency;
    add(consumed);
    if (!twice) continue;
    ++pair.duplicated;
    truth_.duplicated.push_back(name);
    consumed.time += static_cast<int64_t>(1 + below(60'000));
    add(consumed);
  }
}

void Generator::write(const Line& line, std::string& out) {
  if (options_.exported) return write_document(line, out);
  const Producer& producer = producers_[line.producer];
  if (line.kind == Kind::kIgnored) {
    out += "INFO handled a request in 12 ms\n";
    return;
  }
  const size_t begin = out.size();
  if (line.kind == Kind::kConsumed) {
    out += R"({"type":"tmmConsume","producer":")";
    out += producer.name;
    out += R"(","ptime":)";
    append_number(out, line.produce_time);
    out += R"(,"ctime":)";
    append_number(out, line.time);
    out += R"(,"consumer":")";
    out += producer.consumers[line.consumer];
  } else {
    out += line.kind == Kind::kFailed ? R"({"st":0,"type":"tmmProduce","ptime":)"
                                      : R"({"st":1,"type":"tmmProduce","ptime":)";
    append_number(out, line.produce_time);
    out += R"(,"producer":")";
    out += producer.name;
  }
  out += R"(","uid":")";
  out += uid_text(line.uid);
  out += "\"}";
  // Cut somewhere behind the first brace.
  if (line.kind == Kind::kMalformed) out.resize(begin + 1 + line.uid[0] % (out.size() - begin - 2));
  out += '\n';
}

void Generator::write_document(const Line& line, std::string& out) {
  options_.exported = false;
  text_.clear();
  write(line, text_);
  options_.exported = true;
  text_.pop_back();
  out += R"({"_index":"log4j-20181123","_type":"log4j","_id":")";
  append_number(out, static_cast<int64_t>(truth_.lines));
  out +=
      R"(","_source":{"hostName":"app-12-86","serLoc":"DGDC","logLevel":"INFO","ip":"10.100.12.86","message":")";
  for (char c : text_) {
    if (c == '"') out += '\\';
    out += c;
  }
  out += R"(","applicationId":"shop","addDate":"2018-11-22T16:00:48.037"}})";
  out += '\n';
}

}  // namespace waybill::ledger
