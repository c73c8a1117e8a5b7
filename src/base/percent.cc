#include "base/percent.h"

namespace waybill {

std::string percent_encode(std::string_view text) {
  std::string out;
  append_percent_encoded(out, text, is_unreserved);
  return out;
}

}  // namespace waybill
