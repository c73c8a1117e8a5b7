#include "net/curl.h"

#include <algorithm>
#include <mutex>

namespace waybill::net {
namespace {

size_t take_body(char* data, size_t size, size_t count, void* opaque) {
  auto* body = static_cast<Body*>(opaque);
  const size_t bytes = size * count, room = body->bytes_max - body->text.size();
  body->text.append(data, std::min(bytes, room));
  if (bytes <= room) return bytes;
  body->whole = false;
  return 0;  // ends the request
}

}  // namespace

Easy make_easy() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  return Easy(curl_easy_init());
}

void add_line(Lines& lines, const std::string& line) {
  curl_slist* longer = curl_slist_append(lines.get(), line.c_str());
  if (longer) (void)lines.release(), lines.reset(longer);
}

void receive(CURL* easy, Body& body) {
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
}

}  // namespace waybill::net
