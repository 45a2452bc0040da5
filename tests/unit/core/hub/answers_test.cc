// SPDX-License-Identifier: Apache-2.0
#include "core/hub/answers.h"

#include <gtest/gtest.h>

namespace hubd::hub {
namespace {

About about(bool with_token = false) {
  About made;
  made.repo = RepoRef{"https://hub.example", RepoType::dataset, "org/data"};
  made.revision = "v1";
  made.path = "a/b.bin";
  made.with_token = with_token;
  return made;
}

http::Headers headers(std::initializer_list<std::pair<char const*, char const*>> fields) {
  http::Headers made;
  for (auto const& [name, value] : fields) made.add(name, value);
  return made;
}

TEST(Classify, EachAnswerOfTheHubIsItsOwnKind) {
  struct Row {
    int status;
    char const* code;
    char const* body;
    ErrorKind kind;
  };
  for (Row const& row : {
           Row{404, "RepoNotFound", "{\"error\":\"Repository not found\"}", ErrorKind::repository_not_found},
           Row{401, "RepoNotFound", "{\"error\":\"Invalid username or password.\"}", ErrorKind::repository_not_found},
           Row{401, "", "{\"error\":\"Invalid username or password.\"}", ErrorKind::repository_not_found},
           Row{401, "", "{\"error\":\"Invalid credentials in Authorization header\"}", ErrorKind::unauthorized},
           Row{404, "RevisionNotFound", "", ErrorKind::revision_not_found},
           Row{404, "EntryNotFound", "Entry not found", ErrorKind::entry_not_found},
           Row{403, "GatedRepo", "", ErrorKind::gated_repo},
           Row{401, "GatedRepo", "", ErrorKind::gated_repo},
           Row{403, "", "{\"error\":\"Access to this resource is disabled.\"}", ErrorKind::disabled_repo},
           Row{403, "", "{\"error\":\"no write token\"}", ErrorKind::permission_denied},
           Row{404, "", "<html>", ErrorKind::repository_not_found},
           Row{400, "", "{\"error\":\"bad\"}", ErrorKind::bad_request},
           Row{422, "", "", ErrorKind::bad_request},
           Row{429, "", "", ErrorKind::rate_limited},
           Row{408, "", "", ErrorKind::bad_upstream},
           Row{500, "", "<html>oops</html>", ErrorKind::bad_upstream},
           Row{503, "", "", ErrorKind::bad_upstream},
           Row{416, "", "", ErrorKind::bad_upstream},
       }) {
    http::Headers fields;
    if (*row.code != '\0') fields.set("X-Error-Code", row.code);
    auto const error = classify(row.status, fields, row.body, "hub.example:443", "req-7", about());
    EXPECT_EQ(error.kind, row.kind) << row.status << " " << row.code << " " << row.body << ": " << error.what;
    EXPECT_EQ(error.http_status, row.status);
    EXPECT_EQ(error.request_id, "req-7");
    EXPECT_NE(error.what.find("hub.example"), std::string::npos) << error.what;
    EXPECT_EQ(error.what.find('\n'), std::string::npos);
  }
}

TEST(Classify, SentencesNameTheObjectAndTheWayOut) {
  auto const revision = classify(404, headers({{"X-Error-Code", "RevisionNotFound"}}), "", "h", "", about());
  EXPECT_NE(revision.what.find("v1"), std::string::npos);
  EXPECT_NE(revision.what.find("dataset org/data"), std::string::npos);
  auto const entry = classify(404, headers({{"X-Error-Code", "EntryNotFound"}}), "", "h", "", about());
  EXPECT_NE(entry.what.find("a/b.bin"), std::string::npos);
  auto const gated = classify(401, headers({{"X-Error-Code", "GatedRepo"}}), "", "h", "", about());
  EXPECT_NE(gated.what.find("https://hub.example/org/data"), std::string::npos) << gated.what;
  EXPECT_NE(gated.what.find("hubctl auth login"), std::string::npos) << gated.what;
  auto const refused = classify(401, headers({{"X-Error-Code", "GatedRepo"}}), "", "h", "", about(true));
  EXPECT_EQ(refused.what.find("hubctl auth login"), std::string::npos) << "a token was given: " << refused.what;
}

TEST(Classify, WithoutARepoA401IsAboutTheToken) {
  auto const error = classify(401, {}, "{\"error\":\"Invalid username or password.\"}", "h", "", About{});
  EXPECT_EQ(error.kind, ErrorKind::unauthorized);
}

TEST(Classify, ARateLimitSaysWhenToComeBack) {
  auto const error = classify(429, headers({{"RateLimit", "\"resolvers\";r=0;t=41"}}), "", "h", "", about());
  EXPECT_EQ(error.retry_after, std::chrono::seconds(42));
  EXPECT_NE(error.what.find("42 s"), std::string::npos) << error.what;
}

TEST(Classify, WhatTheServerSaysIsShortAndPrintable) {
  auto const noisy = std::string("line\r\nnext\x1b[31m\xff") + std::string(5000, 'x');
  auto const error = classify(403, headers({{"X-Error-Message", noisy.c_str()}}), "", "h", "", about());
  EXPECT_LT(error.what.size(), 600U);
  for (char const c : error.what) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << error.what;
  auto const page = classify(500, headers({{"Content-Type", "text/html"}}), "<html>secret page</html>", "h", "", about());
  EXPECT_EQ(page.what.find("secret page"), std::string::npos);
}

}  // namespace
}  // namespace hubd::hub
