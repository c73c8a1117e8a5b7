#pragma once
// One way to fail: Result<T>. About 4 ns a call, so never per record; inner loops return small {value, code} structs.

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace waybill {

enum class Errc {
  kInvalid,      ///< the caller's or the user's input is wrong
  kNotFound,     ///< no such topic, row, file
  kEndOfData,    ///< nothing more; not a fault
  kTruncated,    ///< the bytes end early
  kCorrupt,      ///< the bytes contradict themselves
  kUnsupported,  ///< a newer format version, or something this build does not have
  kUnavailable,  ///< a server or file cannot be reached now; trying again may help
  kDenied,       ///< rights are missing
  kLimit,        ///< a named limit is reached (size, count, disk full)
  kFenced,       ///< another owner has taken over
  kConflict,     ///< two things contradict each other (locked store, second store, ambiguous name)
  kUnknown,      ///< the outcome of a commit is not known
};

struct Error {
  Errc code = Errc::kInvalid;
  std::string message;  ///< for a person: what was tried, what is wrong, what is allowed

  /// The same error with what was being done in front: "reading checkpoint 12: ...".
  Error within(std::string_view what) && {
    message.insert(0, ": ");
    message.insert(0, what);
    return std::move(*this);
  }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Errc code, std::string message) {
  return tl::make_unexpected(Error{code, std::move(message)});
}

}  // namespace waybill
