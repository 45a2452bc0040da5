// SPDX-License-Identifier: Apache-2.0
#include "client/cli/json_text.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <limits>

namespace hubd::cli {
namespace {

namespace json = boost::json;

TEST(JsonText, IsOneLineOrIndented) {
  auto const value = json::parse(R"({"a":[1,{"b":null}],"c":{},"d":[]})");
  EXPECT_EQ(R"({"a":[1,{"b":null}],"c":{},"d":[]})", to_text(value));
  EXPECT_EQ(R"({"a": [1, {"b": null}], "c": {}, "d": []})", to_text(value, kPythonJson));
  EXPECT_EQ("{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}",
            to_text(value, {true, true, 2}));
}

TEST(JsonText, NumbersReadBackAsTheyWere) {
  struct Case {
    double number;
    char const* text;
  };
  for (auto const& [number, text] :
       {Case{0.5, "0.5"}, Case{1, "1.0"}, Case{-2.25, "-2.25"}, Case{100000, "100000.0"}, Case{0.0001, "0.0001"},
        Case{0.00001, "1e-05"}, Case{1e16, "1e+16"}, Case{1e300, "1e+300"}, Case{0, "0.0"}})
    EXPECT_EQ(text, to_text(json::value(number)));
  EXPECT_EQ("18446744073709551615", to_text(json::value(std::numeric_limits<std::uint64_t>::max())));
}

TEST(JsonText, TextBeyondAsciiIsEscapedOnlyAsPythonDoes) {
  json::value const text("\xC3\xA4 \xF0\x9F\xA4\x97 \"\\\n\x1B\x7F");
  EXPECT_EQ("\"\\u00e4 \\ud83e\\udd17 \\\"\\\\\\n\\u001b\x7F\"", to_text(text, kPythonJson));
  EXPECT_NE(std::string::npos, to_text(text).find("\xC3\xA4"));
  EXPECT_NE(std::string::npos, to_text(text).find("\\u001"));
}

TEST(JsonText, BrokenUtf8EndsInNoOverrun) {
  EXPECT_EQ(R"("a\u00e2")", to_text(json::value("a\xE2"), kPythonJson));
}

}  // namespace
}  // namespace hubd::cli
