#include "plugin/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace waybill::plugin {
namespace {

TEST(PluginSettings, takes_every_property_by_name) {
  Settings settings;
  const char* const all[][2] = {{"waybill.enabled", "false"},          {"waybill.required", "true"},
                                {"waybill.service", "shop"},           {"waybill.data_center", "dc"},
                                {"waybill.bucket.ms", "30000"},        {"waybill.report.topic", "r.t-1_x"},
                                {"waybill.report.interval.ms", "250"}, {"waybill.flush.ms", "0"}};
  for (const auto& [name, value] : all) EXPECT_TRUE(set_property(settings, name, value)) << name;
  Settings want{false, true, "shop", "dc", 30'000, "r.t-1_x", 250, 0};
  EXPECT_EQ(settings, want);
  for (const auto& [name, value] : all) EXPECT_TRUE(set_property(settings, name, nullptr)) << name;
  EXPECT_EQ(settings, Settings{}) << "null resets to the default";
}

TEST(PluginSettings, refuses_bad_values_and_says_what_is_allowed) {
  const char* const bad[][3] = {
      {"waybill.enabled", "maybe", "true or false"},   {"waybill.bucket.ms", "999", "1000 to 86400000"},
      {"waybill.bucket.ms", "60000x", "whole number"}, {"waybill.bucket.ms", "", "whole number"},
      {"waybill.report.topic", "", "1 to 249"},        {"waybill.report.topic", "a/b", "topic name"},
      {"waybill.flush.ms", "-1", "0 to 10000"},        {"waybill.report.interval.ms", "2001", "100 to 2000"}};
  for (const auto& [name, value, text] : bad) {
    Settings settings;
    auto done = set_property(settings, name, value);
    ASSERT_FALSE(done) << name << "=" << value;
    EXPECT_EQ(done.error().code, Errc::kInvalid);
    EXPECT_NE(done.error().message.find(text), std::string::npos) << done.error().message;
    EXPECT_NE(done.error().message.find(name), std::string::npos) << done.error().message;
    EXPECT_EQ(settings, Settings{});
  }
}

TEST(PluginSettings, names_the_properties_there_are_when_one_is_unknown) {
  Settings settings;
  for (const char* name : {"waybill.srevice", "waybill.", "waybill", "client.id", ""}) {
    auto done = set_property(settings, name, "x");
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(done.error().code, Errc::kNotFound);
    EXPECT_NE(done.error().message.find("waybill.service"), std::string::npos);
  }
}

TEST(PluginSettings, reads_the_environment_and_lists_what_is_wrong_there) {
  setenv("WAYBILL_SERVICE", "from-env", 1);
  setenv("WAYBILL_BUCKET_MS", "soon", 1);
  setenv("WAYBILL_FLUSH_MS", "100", 1);
  std::string problems;
  Settings settings = settings_from_environment(problems);
  unsetenv("WAYBILL_SERVICE");
  unsetenv("WAYBILL_BUCKET_MS");
  unsetenv("WAYBILL_FLUSH_MS");
  EXPECT_EQ(settings.service, "from-env");
  EXPECT_EQ(settings.flush_ms, 100);
  EXPECT_EQ(settings.bucket_ms, Settings{}.bucket_ms);
  EXPECT_EQ(problems, "WAYBILL_BUCKET_MS: \"soon\" is not a whole number from 1000 to 86400000\n");
}

}  // namespace
}  // namespace waybill::plugin
