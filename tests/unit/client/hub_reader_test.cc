// SPDX-License-Identifier: Apache-2.0
#include "client/cli/hub_reader.h"

#include <gtest/gtest.h>

namespace hubd::cli {
namespace {

using client::ErrorKind;

client::HubAnswer answer(int status, std::map<std::string, std::string> headers, std::string body = {}) {
  client::HubAnswer made;
  made.status = status;
  made.headers = std::move(headers);
  made.body = std::move(body);
  made.url = "http://hub:1/api/models";
  return made;
}

HubSubject const kModel{"Model 'a/b'", "v9", true};
HubSubject const kList{"the list of models", "", false};

TEST(HubReader, QueriesArePercentEncoded) {
  HubQuery query;
  query.add("search", "a b&c=\xC3\xA4/");
  query.add("expand", std::vector<std::string>{"x", "y"});
  query.add("none", std::vector<std::string>{});
  EXPECT_EQ("search=a%20b%26c%3D%C3%A4%2F&expand=x&expand=y", query.text());
}

TEST(HubReader, EachRefusalOfTheHubHasItsKind) {
  struct Case {
    client::HubAnswer answer;
    HubSubject subject;
    ErrorKind kind;
  };
  for (auto const& one :
       {Case{answer(404, {{"x-error-code", "RepoNotFound"}}), kModel, ErrorKind::repository_not_found},
        Case{answer(401, {}), kModel, ErrorKind::repository_not_found},
        Case{answer(401, {}), kList, ErrorKind::unauthorized},
        Case{answer(401, {{"x-error-message", "Invalid credentials in Authorization header"}}), kModel,
             ErrorKind::unauthorized},
        Case{answer(403, {{"x-error-code", "GatedRepo"}}), kModel, ErrorKind::gated_repo},
        Case{answer(404, {{"x-error-code", "RevisionNotFound"}}), kModel, ErrorKind::revision_not_found},
        Case{answer(404, {{"x-error-code", "EntryNotFound"}}), kModel, ErrorKind::entry_not_found},
        Case{answer(403, {}), kModel, ErrorKind::permission_denied},
        Case{answer(400, {}, R"({"error":"no such sort"})"), kList, ErrorKind::bad_request},
        Case{answer(503, {}), kList, ErrorKind::bad_upstream}, Case{answer(302, {}), kList, ErrorKind::bad_upstream}}) {
    auto const error = hub_error(one.answer, one.subject, false);
    EXPECT_EQ(one.kind, error.kind) << one.answer.status << ' ' << error.message;
    EXPECT_EQ(one.answer.status, error.http_status);
    EXPECT_EQ("hub:1", error.host);
  }
}

TEST(HubReader, AnErrorSaysWhatTheHubSaidAndHowLongToWait) {
  auto const limited =
      hub_error(answer(429, {{"retry-after", "7"}, {"x-request-id", "r1"}}, R"({"error":"slow down"})"), kList, false);
  EXPECT_EQ(ErrorKind::rate_limited, limited.kind);
  EXPECT_EQ(7, limited.retry_after.value_or(std::chrono::seconds(0)).count());
  EXPECT_EQ("r1", limited.request_id);
  EXPECT_NE(std::string::npos, limited.message.find("slow down"));
  EXPECT_NE(std::string::npos,
            hub_error(answer(404, {{"x-error-code", "RevisionNotFound"}}), kModel, false).message.find("'v9'"));
}

TEST(HubReader, TheNextPageIsTheOneTheHubNames) {
  auto const next = next_page(answer(200, {{"link", "<http://hub:1/api/models?cursor=x%3D&limit=2>; rel=\"next\""}}));
  ASSERT_TRUE(next);
  EXPECT_EQ("/api/models", next->first);
  EXPECT_EQ("cursor=x%3D&limit=2", next->second);
  auto const second =
      next_page(answer(200, {{"link", "<http://hub:1/a>; rel=\"prev\", <http://hub:1/b>; rel=\"next\""}}));
  ASSERT_TRUE(second);
  EXPECT_EQ("/b", second->first);
  auto const none = next_page(answer(200, {}));
  ASSERT_TRUE(none);
  EXPECT_EQ("", none->first);
}

TEST(HubReader, ANextPageOfAnotherServerIsNotAsked) {
  for (auto const* const url :
       {"http://evil/api/models", "http://hub:12/api/models", "/api/models", "https://hub:1/api/models"})
    EXPECT_FALSE(next_page(answer(200, {{"link", "<" + std::string(url) + ">; rel=\"next\""}}))) << url;
}

}  // namespace
}  // namespace hubd::cli
