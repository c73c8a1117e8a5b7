#pragma once
// What the status of an HTTP answer (RFC 9110) means to the one who asked.

#include "base/result.h"

namespace waybill {

/// Of an answer that is no success: kInvalid (400), kDenied (401, 403), kNotFound (404), kConflict (409),
/// kLimit (413), else kUnavailable.
constexpr Errc errc_of_http(long status) {
  switch (status) {
    case 400:
      return Errc::kInvalid;
    case 401:
    case 403:
      return Errc::kDenied;
    case 404:
      return Errc::kNotFound;
    case 409:
      return Errc::kConflict;
    case 413:
      return Errc::kLimit;
    default:
      return Errc::kUnavailable;
  }
}

}  // namespace waybill
