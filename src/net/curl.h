#pragma once
// What every request by libcurl needs: the handle, lists of lines, and a bounded body. For .cc files: the
// types are libcurl's.

#include <curl/curl.h>

#include <cstddef>
#include <memory>
#include <string>

namespace waybill::net {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
/// One thread. Keeps its connections open from one request to the next, also over curl_easy_reset().
using Easy = std::unique_ptr<CURL, FreeEasy>;
/// null: libcurl does not start. Any thread.
Easy make_easy();

struct FreeLines {
  void operator()(curl_slist* lines) const { curl_slist_free_all(lines); }
};
/// Headers or receivers, in their order; null is the empty list. Outlives the request.
using Lines = std::unique_ptr<curl_slist, FreeLines>;
void add_line(Lines& lines, const std::string& line);

/// The body of an answer, up to a bound.
struct Body {
  size_t bytes_max = 0;
  std::string text{};
  bool whole = true;  ///< false: it has more than `bytes_max`, `text` begins it, and the request has failed
};
/// The next request puts its body behind `body.text`. `body` outlives it.
void receive(CURL* easy, Body& body);

}  // namespace waybill::net
