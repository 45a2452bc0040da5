// SPDX-License-Identifier: Apache-2.0
#include "core/hub/hub_client.h"

#include <gtest/gtest.h>

#include "tests/support/fake_http.h"
#include "tests/support/in_loop.h"
#include "tests/support/instant_timers.h"

namespace hubd::hub {
namespace {

using namespace std::chrono_literals;
using support::FakeAnswer;

constexpr auto kCommit = "0123456789abcdef0123456789abcdef01234567";
constexpr auto kOid = "89abcdef0123456789abcdef0123456789abcdef";
constexpr auto kSha = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

;

class HubClientTest : public ::testing::Test {
 protected:
  static CallContext context(std::string token = "") {
    CallContext made;
    made.token = Secret(std::move(token));
    return made;
  }
  static std::string file(std::string const& path, int size = 5) {
    return "{\"type\":\"file\",\"path\":\"" + path + "\",\"size\":" + std::to_string(size) + ",\"oid\":\"" + kOid + "\"}";
  }
  Result<Listing> tree(std::string revision = "main") { return loop_.run(hub_.tree(repo_, std::move(revision), context())); }
  Result<Listing> tree_of(std::string json) {
    http_.then(FakeAnswer::json(std::move(json)));
    return tree();
  }

  RepoRef repo_{"https://hub.example", RepoType::model, "org/name"};
  support::FakeHttpClient http_;
  support::InstantTimers timers_;
  NullLog log_;
  HubClient hub_{http_, timers_, log_, HubClient::Limits{1_MiB, 1000, 8}};
  support::Loop loop_;
};

TEST_F(HubClientTest, UrlsAreTheHubs) {
  EXPECT_EQ(resolve_url(repo_, "main", "a b/c.bin"), "https://hub.example/org/name/resolve/main/a%20b/c.bin");
  EXPECT_EQ(resolve_url({"https://h", RepoType::dataset, "o/d"}, "refs/pr/1", "x"), "https://h/datasets/o/d/resolve/refs%2Fpr%2F1/x");
}

TEST_F(HubClientTest, ARevisionBecomesACommit) {
  http_.then(FakeAnswer::json(std::string("{\"sha\":\"") + kCommit + "\",\"private\":false,\"gated\":\"manual\"}"));
  auto with = context("hf_secret");
  std::uint64_t count = 0;
  with.requests = &count;
  auto const info = loop_.run(hub_.revision_info(repo_, "refs/pr/1", with));
  ASSERT_TRUE(info) << info.error().what;
  EXPECT_EQ(info->commit.hex(), kCommit);
  EXPECT_TRUE(info->restricted);
  EXPECT_EQ(count, 1U);
  ASSERT_EQ(http_.requests().size(), 1U);
  EXPECT_EQ(http_.requests()[0].url, "https://hub.example/api/models/org/name/revision/refs%2Fpr%2F1");
  EXPECT_EQ(http_.requests()[0].token.reveal(), "hf_secret");
}

TEST_F(HubClientTest, AnAnswerThatCannotBeACommitIsTheHubsFault) {
  for (char const* body : {"{}", "[]", "{\"sha\":5}", "{\"sha\":\"../../etc\"}", "null", "\"x\"", "", "not json", "{\"sha\":"}) {
    http_.then(FakeAnswer::json(body));
    auto const info = loop_.run(hub_.revision_info(repo_, "main", context()));
    ASSERT_FALSE(info) << body;
    EXPECT_EQ(info.error().kind, ErrorKind::bad_upstream) << body;
  }
}

TEST_F(HubClientTest, AnHtmlPageIsNotTakenForAnAnswer) {
  http_.then(FakeAnswer::json("<html>log in to the hotel</html>")).with("Content-Type", "text/html");
  auto const listing = tree();
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().kind, ErrorKind::bad_upstream);
  EXPECT_NE(listing.error().what.find("HTML"), std::string::npos) << listing.error().what;
}

TEST_F(HubClientTest, ATreeIsReadOverAllPagesAndSorted) {
  http_.then(FakeAnswer::json("[" + file("z.txt") + ",{\"type\":\"directory\",\"path\":\"d\",\"oid\":\"x\",\"size\":0}]"))
      .with("Link", "<https://hub.example/page2?cursor=x>; rel=\"next\"");
  http_.then(FakeAnswer::json(std::string("[{\"type\":\"file\",\"path\":\"d/big.bin\",\"size\":9,\"oid\":\"") + kOid + "\",\"lfs\":{\"oid\":\"" + kSha +
                              "\",\"size\":9000000000,\"pointerSize\":134},\"xetHash\":\"abc\"}]"));
  auto const listing = tree();
  ASSERT_TRUE(listing) << listing.error().what;
  ASSERT_EQ(listing->size(), 2U);
  EXPECT_EQ((*listing)[0].path, "d/big.bin");
  EXPECT_EQ((*listing)[0].size, 9'000'000'000U);
  EXPECT_EQ((*listing)[0].etag(), kSha);
  EXPECT_EQ((*listing)[0].xet_hash, "abc");
  EXPECT_EQ((*listing)[1].path, "z.txt");
  EXPECT_EQ((*listing)[1].etag(), kOid);
  EXPECT_EQ(http_.requests()[1].url, "https://hub.example/page2?cursor=x");
}

TEST_F(HubClientTest, HostileTreesAreRefused) {
  auto const lfs = [](std::string const& rest) {
    return std::string("[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"") + kOid + "\",\"lfs\":" + rest + "}]";
  };
  for (std::string const& body : {
           std::string("{}"), std::string("[5]"), "[" + file("../x") + "]", "[" + file("/etc/passwd") + "]", "[" + file("a/../../b") + "]",
           "[" + file("a//b") + "]", "[" + file("") + "]", "[" + file("a\\u0000b") + "]", "[" + file("a", -1) + "]",
           "[" + file("a") + "," + file("a") + "]", "[" + file("a") + "," + file("a/b") + "]",
           "[" + file("a") + "," + file("a-b") + "," + file("a/c") + "]",  // "a-b" sorts between them
           std::string("[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"../../x\"}]"),
           std::string("[{\"type\":\"file\",\"path\":\"a\",\"oid\":\"") + kOid + "\"}]",
           lfs("{\"oid\":\"short\",\"size\":1}"), lfs(std::string("{\"oid\":\"") + kSha + "\"}"),
           lfs(std::string("{\"oid\":\"") + kSha + "\",\"size\":-5}"), lfs(std::string("{\"oid\":\"") + kSha + "\",\"size\":1.5}"),
       }) {
    auto const listing = tree_of(body);
    ASSERT_FALSE(listing) << body;
    EXPECT_EQ(listing.error().kind, ErrorKind::bad_upstream) << body;
    EXPECT_NE(listing.error().what.find("org/name"), std::string::npos) << listing.error().what;
  }
}

TEST_F(HubClientTest, DeepJsonEndsInAnErrorNotInACrash) {
  auto const listing = tree_of(std::string(100'000, '['));
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().kind, ErrorKind::bad_upstream);
}

TEST_F(HubClientTest, PagesThatNeverEndOrLeaveTheHubAreRefused) {
  for (char const* next : {"<https://evil.example/page>; rel=\"next\"", "<http://hub.example/page>; rel=\"next\"", "<page>; rel=\"next\""}) {
    http_.then(FakeAnswer::json("[]")).with("Link", next);
    auto const listing = tree();
    ASSERT_FALSE(listing) << next;
    EXPECT_EQ(listing.error().kind, ErrorKind::bad_upstream);
  }
  for (char const* next : {"<https://hub.example/b>; rel=\"next\"", "<https://hub.example/c>; rel=\"next\"", "<https://hub.example/b>; rel=\"next\""})
    http_.then(FakeAnswer::json("[]")).with("Link", next);
  auto const before = http_.requests().size();
  auto const circle = tree();
  ASSERT_FALSE(circle);
  EXPECT_EQ(http_.requests().size() - before, 3U) << "a page that came before is not asked again";

  int page = 0;
  http_.answer_with([&page](http::Request const&) {
    return FakeAnswer::json("[]").with("Link", "<https://hub.example/" + std::to_string(++page) + ">; rel=\"next\"");
  });
  auto const endless = tree();
  ASSERT_FALSE(endless);
  EXPECT_EQ(page, 8);
}

TEST_F(HubClientTest, AnAnswerBeyondTheLimitIsNotCollected) {
  auto const listing = tree_of("[" + std::string(2'000'000, ' ') + "]");
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().kind, ErrorKind::exhausted);
}

TEST_F(HubClientTest, FailuresThatPassAreTriedAgainWithTheAskedWait) {
  http_.then(FakeAnswer::json("", 503));
  http_.then(FakeAnswer::json("", 429)).with("RateLimit", "\"api\";r=0;t=30");
  http_.then(FakeAnswer::json("", 500));
  http_.then(FakeAnswer::json("[]"));
  auto const listing = tree();
  ASSERT_TRUE(listing) << listing.error().what;
  EXPECT_EQ(timers_.waits, (std::vector<Duration>{1s, 31s, 4s}));
}

TEST_F(HubClientTest, WhatDoesNotPassIsNotTriedAgain) {
  for (int const status : {400, 401, 403, 404, 416, 422, 501}) {
    auto const before = http_.requests().size();
    http_.then(FakeAnswer::json("", status));
    ASSERT_FALSE(tree()) << status;
    EXPECT_EQ(http_.requests().size() - before, 1U) << status;
  }
  EXPECT_TRUE(timers_.waits.empty());
}

TEST_F(HubClientTest, RetriesEndByCountByDeadlineAndByAWaitOfHours) {
  http_.answer_with([](http::Request const&) { return FakeAnswer::json("", 503); });
  auto few = context();
  few.retries = 2;
  ASSERT_FALSE(loop_.run(hub_.tree(repo_, "main", few)));
  EXPECT_EQ(http_.requests().size(), 3U);

  auto soon = context();
  soon.deadline = timers_.now() + 2500ms;  // waits of 1 s fit, of 2 s more do not
  auto const late = loop_.run(hub_.tree(repo_, "main", soon));
  ASSERT_FALSE(late);
  EXPECT_EQ(http_.requests().size(), 5U);

  http_.answer_with([](http::Request const&) { return FakeAnswer::json("", 503).with("Retry-After", "80000"); });
  auto const waits = timers_.waits.size();
  auto const patient = tree();
  ASSERT_FALSE(patient);
  EXPECT_EQ(timers_.waits.size(), waits) << "nobody sleeps for a day";
  EXPECT_EQ(patient.error().retry_after, 80001s);
}

TEST_F(HubClientTest, AHostThatDoesNotAnswerIsTriedOnceMore) {
  http_.then(FakeAnswer::failing(ErrorKind::unreachable, "cannot connect to hub.example:443"));
  http_.then(FakeAnswer::failing(ErrorKind::unreachable, "cannot connect to hub.example:443"));
  auto const listing = tree();
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().kind, ErrorKind::unreachable);
  EXPECT_EQ(http_.requests().size(), 2U);
  EXPECT_NE(listing.error().what.find("org/name"), std::string::npos);
  http_.then(FakeAnswer::failing(ErrorKind::offline, "hubd is offline"));
  EXPECT_EQ(tree().error().kind, ErrorKind::offline);
  EXPECT_EQ(http_.requests().size(), 3U);
}

TEST_F(HubClientTest, AListingCutInTheMiddleIsAskedForAgain) {
  auto half = FakeAnswer::json("[" + file("a"));
  half.body_error = fail(ErrorKind::bad_upstream, "hub.example cut the answer short");
  http_.then(half);
  http_.then(FakeAnswer::json("[" + file("a") + "]"));
  auto const listing = tree();
  ASSERT_TRUE(listing) << listing.error().what;
  EXPECT_EQ(listing->size(), 1U);
}

TEST_F(HubClientTest, PathsInfoAsksForAllPathsInOneRequest) {
  http_.then(FakeAnswer::json("[" + file("a") + "]"));
  auto const listing = loop_.run(hub_.paths_info(repo_, kCommit, {"a", "missing \"quoted\""}, context()));
  ASSERT_TRUE(listing) << listing.error().what;
  EXPECT_EQ(listing->size(), 1U);
  EXPECT_EQ(http_.requests()[0].method, "POST");
  EXPECT_EQ(http_.requests()[0].body, "{\"paths\":[\"a\",\"missing \\\"quoted\\\"\"],\"expand\":false}");
}

TEST_F(HubClientTest, RefsOfEveryGroupAreFound) {
  http_.then(FakeAnswer::json(R"({"branches":[{"name":"main","ref":"refs/heads/main","targetCommit":"c1"}],
    "tags":[{"name":"v1","ref":"refs/tags/v1","targetCommit":"c2"},7],"pullRequests":[{"name":"1","ref":"refs/pr/1","targetCommit":"c3"}],"converts":null})"));
  auto const refs = loop_.run(hub_.refs(repo_, context()));
  ASSERT_TRUE(refs);
  ASSERT_EQ(refs->size(), 3U);
  EXPECT_EQ((*refs)[1].ref, "refs/tags/v1");
  EXPECT_EQ((*refs)[2].commit, "c3");
}

TEST_F(HubClientTest, MetadataStandOnTheHubsAnswerAlsoWhenItRedirects) {
  FakeAnswer redirect;
  redirect.status = 302;
  redirect.with("Location", "https://cdn.example/x").with("X-Repo-Commit", kCommit).with("X-Linked-Etag", std::string("\"") + kSha + "\"");
  redirect.with("X-Linked-Size", "123").with("ETag", "\"something-else\"");
  http_.then(redirect);
  auto const metadata = loop_.run(hub_.file_metadata(repo_, "main", "a", context()));
  ASSERT_TRUE(metadata) << metadata.error().what;
  EXPECT_EQ(metadata->etag, kSha);
  EXPECT_EQ(metadata->commit, kCommit);
  EXPECT_EQ(metadata->size, 123U);
  EXPECT_EQ(http_.requests()[0].method, "HEAD");
  EXPECT_EQ(http_.requests()[0].redirects, http::Redirects::within_origin);

  FakeAnswer small;
  small.with("ETag", std::string("W/\"") + kOid + "\"").with("Content-Length", "7");
  http_.then(small);
  auto const mirrored = loop_.run(hub_.file_metadata(repo_, kCommit, "a", context()));
  ASSERT_TRUE(mirrored) << "a mirror may leave the commit out when the revision is one";
  EXPECT_EQ(mirrored->commit, kCommit);
  EXPECT_EQ(mirrored->etag, kOid);
  EXPECT_EQ(mirrored->size, 7U);

  http_.then(small);
  EXPECT_FALSE(loop_.run(hub_.file_metadata(repo_, "main", "a", context())));
}

TEST_F(HubClientTest, WhoamiNeedsATokenAndAName) {
  auto const nobody = loop_.run(hub_.whoami("https://hub.example", context()));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, ErrorKind::unauthorized);
  EXPECT_TRUE(http_.requests().empty());

  http_.then(FakeAnswer::json(
      R"({"type":"user","name":"jo","orgs":[{"name":"acme"},3],"auth":{"accessToken":{"displayName":"laptop","role":"read"}}})"));
  auto const identity = loop_.run(hub_.whoami("https://hub.example", context("hf_x")));
  ASSERT_TRUE(identity) << identity.error().what;
  EXPECT_EQ(identity->name, "jo");
  EXPECT_EQ(identity->orgs, std::vector<std::string>{"acme"});
  EXPECT_EQ(identity->token_name, "laptop");
  EXPECT_EQ(identity->token_role, "read");

  http_.then(FakeAnswer::json("{}"));
  auto const nameless = loop_.run(hub_.whoami("https://hub.example", context("hf_x")));
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().kind, ErrorKind::bad_upstream);
}

}  // namespace
}  // namespace hubd::hub
