#include "watch/redact.h"

#include <gtest/gtest.h>

namespace waybill::watch {
namespace {

using Masker = RedactRules::Masker;

std::string masked(Masker masker, std::string_view text) {
  return Redactor({.maskers = {masker}}).text(text);
}

TEST(Redactor, CardNumbersWithARightCheckDigitKeepTheLastFour) {
  EXPECT_EQ(masked(Masker::kCard, "card 4111 1111 1111 1111."), "card ***1111.");
  EXPECT_EQ(masked(Masker::kCard, "4111-1111-1111-1111,5500005555555559"), "***1111,***5559");
  EXPECT_EQ(masked(Masker::kCard, "order 4111111111111112"), "order 4111111111111112");
  EXPECT_EQ(masked(Masker::kCard, "at 1543190400123"), "at 1543190400123");
}

TEST(Redactor, PhonesEmailsAndIdentityCardsAreMasked) {
  EXPECT_EQ(masked(Masker::kPhone, "call 13812345678 or +49 30 1234567"), "call *** or ***");
  EXPECT_EQ(masked(Masker::kPhone, "uid 9913812345678"), "uid 9913812345678");
  EXPECT_EQ(masked(Masker::kEmail, "to a.b+c@example.co.uk!"), "to ***!");
  EXPECT_EQ(masked(Masker::kIdCard, "id 11010519491231002X"), "id ***");
  EXPECT_EQ(masked(Masker::kIdCard, "id 110105194912310021"), "id 110105194912310021");
}

TEST(Redactor, FieldsLoseTheirValuesAtAnyDepthAndInStringsAndWhenCutOff) {
  Redactor redactor({.fields = {"password", "user.token"}});
  EXPECT_EQ(redactor.text(R"({"password":"a\"b","x":{"token" : 17},"y":"z"})"),
            R"({"password":"***","x":{"token" : "***"},"y":"z"})");
  EXPECT_EQ(redactor.text(R"({"password":"secr)"), R"({"password":"***")");
  EXPECT_EQ(redactor.text(R"({"m":"{\"password\":\"abc\"}"})").find("abc"), std::string::npos);
  EXPECT_EQ(redactor.value("user.token", "abc"), "***");
  EXPECT_EQ(redactor.value("user.name", "abc"), "abc");
}

TEST(Redactor, PatternsMaskWhatTheyMatch) {
  Redactor redactor({.patterns = {"sk-[a-z0-9]+"}});
  EXPECT_EQ(redactor.text("key sk-123abc, sk-9"), "key ***, ***");
}

}  // namespace
}  // namespace waybill::watch
