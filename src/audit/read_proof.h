#pragma once
// What proves that a group passed over an offset, and what may have seen it unheard (DESIGN 4.1, 4.2). Pure.

#include <compare>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "audit/state_codec.h"
#include "audit/verdict.h"
#include "base/types.h"
#include "tally/coverage.h"

namespace waybill::audit {

/// One consumer instance: a client of a reporter.
struct ReaderKey {
  Id128 reporter;
  uint32_t client = 0;
  auto operator<=>(const ReaderKey&) const = default;
};

/// One group's readers in one partition. An offset is proven to be passed when one session of one audited
/// reader was handed offsets below and above it, or when an audited reader committed a position above it from
/// which the next session went on. Not thread-safe.
class ReadProof {
 public:
  static constexpr Offset kOpenEnd{INT64_MAX};
  static constexpr size_t kTaintsMax = 256;  ///< beyond, the two oldest are joined: less is called lost
  static constexpr size_t kRecentMax = 64;   ///< commits, and begins of sessions, that are kept

  /// Offsets that a reader may have seen without our hearing of it. An open end is closed by the next session
  /// of another reader, or by the reader itself.
  struct Taint {
    OffsetRange range;
    Reason reason = Reason::kNone;
    ReaderKey who;
    bool operator==(const Taint&) const = default;
  };

  /// One session was handed offsets from here to there.
  void span(OffsetRange hull);
  /// A session begins at `first`.
  void began(const ReaderKey& key, uint32_t session, Offset first);
  void committed(const ReaderKey& key, uint32_t session, Offset position);
  void taint(Taint taint);
  /// A reader that has an open taint tells what it was handed now; `high_before`: of its session until now.
  void told(const ReaderKey& key, OffsetRange hull, Offset high_before);
  void remove(const Id128& reporter, Reason reason);

  /// The range cut into pieces by what forbids to call them lost: a taint's reason, kUnauditedMember where
  /// nobody proves the passing, or kNone. Above what anybody was handed nothing is passed: `beyond` holds.
  std::vector<std::pair<OffsetRange, Reason>> judge(OffsetRange range, Reason beyond) const;
  /// One past what audited sessions reached; 0 when there was none.
  Offset end() const { return spans_.empty() ? Offset(0) : spans_.end(); }
  size_t taint_count() const { return taints_.size(); }

  void save(StateWriter& out) const;
  void load(StateReader& in);

 private:
  struct Mark {
    ReaderKey key;
    uint32_t session = 0;
    Offset at;
  };
  void bridge(const Mark& commit, const Mark& begin);
  void remember(std::deque<Mark>& marks, Mark mark);

  tally::Coverage spans_;
  std::deque<Mark> commits_;
  std::deque<Mark> begins_;
  std::vector<Taint> taints_;  ///< in the order of their coming
};

}  // namespace waybill::audit
