#include "net/curl.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace waybill::net {
namespace {

/// A file of `bytes` bytes, read by its file: address.
struct Fetched {
  Fetched(size_t bytes, size_t bytes_max) : body{.bytes_max = bytes_max} {
    const auto path = std::filesystem::path(::testing::TempDir()) / "waybill_net_test_body";
    for (size_t i = 0; i < bytes; ++i) sent += static_cast<char>('a' + i % 23);
    std::ofstream(path, std::ios::binary) << sent;
    Easy easy = make_easy();
    if (!easy) return;
    curl_easy_setopt(easy.get(), CURLOPT_URL, ("file://" + path.string()).c_str());
    receive(easy.get(), body);
    code = curl_easy_perform(easy.get());
    std::filesystem::remove(path);
  }
  std::string sent;
  Body body;
  CURLcode code = CURLE_FAILED_INIT;
};

TEST(Body, TakesAllUpToItsBound) {
  for (size_t bytes : {size_t{1}, size_t{99'999}, size_t{100'000}}) {
    const Fetched fetched(bytes, 100'000);
    EXPECT_EQ(fetched.code, CURLE_OK) << bytes;
    EXPECT_TRUE(fetched.body.whole) << bytes;
    EXPECT_EQ(fetched.body.text, fetched.sent);
  }
}

TEST(Body, EndsTheRequestBehindItsBound) {
  for (size_t bytes_max : {size_t{0}, size_t{1}, size_t{50'000}, size_t{99'999}}) {
    const Fetched fetched(100'000, bytes_max);
    EXPECT_EQ(fetched.code, CURLE_WRITE_ERROR) << bytes_max;
    EXPECT_FALSE(fetched.body.whole) << bytes_max;
    EXPECT_EQ(fetched.body.text, fetched.sent.substr(0, bytes_max));
  }
}

TEST(Lines, KeepTheirOrder) {
  Lines lines;
  for (const char* line : {"Accept: a", "Expect:", "B: c"}) add_line(lines, line);
  std::vector<std::string> seen;
  for (const curl_slist* at = lines.get(); at; at = at->next) seen.emplace_back(at->data);
  EXPECT_EQ(seen, (std::vector<std::string>{"Accept: a", "Expect:", "B: c"}));
}

}  // namespace
}  // namespace waybill::net
