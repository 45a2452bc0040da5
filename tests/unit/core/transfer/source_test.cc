// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/source.h"

#include <gtest/gtest.h>

#include "tests/support/fake_http.h"
#include "tests/support/in_loop.h"
#include "tests/support/instant_timers.h"

namespace hubd::transfer {
namespace {

using support::FakeAnswer;

constexpr Bytes size = 1000;
std::string const commit_text(40, 'c');

ResolveSource::Options options(std::string path = "model.bin") {
  return {RepoRef{"https://hub", RepoType::model, "acme/tiny"}, *Commit::parse(commit_text), std::move(path), size,
          Secret("hf_token"),                                   "test/1",                    {}};
}

FakeAnswer range_answer(Bytes first, Bytes last) {
  FakeAnswer answer;
  answer.status = 206;
  answer.body = std::string(static_cast<std::size_t>(last - first + 1), 'x');
  answer.with("Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/1000");
  return answer;
}

class ResolveSourceTest : public testing::Test {
 protected:
  Result<std::unique_ptr<http::Response>> open(ResolveSource& source, Extent extent) {
    return loop_.run(source.open(extent, std::chrono::seconds(60)));
  }
  ErrorKind kind(FakeAnswer answer, Extent extent, std::string path = "model.bin") {
    support::FakeHttpClient fresh;
    fresh.then(std::move(answer));
    ResolveSource source(fresh, clock, options(std::move(path)));
    auto const opened = open(source, extent);
    if (opened) return ErrorKind{};
    EXPECT_NE(std::string::npos, opened.error().what.find("acme/tiny")) << opened.error().what;
    return opened.error().kind;
  }
  support::FakeHttpClient client;
  support::InstantTimers clock{WallTime(std::chrono::seconds(1'800'000'000))};

 private:
  support::Loop loop_;
};

TEST_F(ResolveSourceTest, AsksTheResolveRouteWithRangeAndToken) {
  client.then(range_answer(100, 199));
  ResolveSource source(client, clock, options("sub/model.bin"));
  ASSERT_TRUE(open(source, {100, 100}));
  auto const& asked = client.requests().at(0);
  EXPECT_EQ("https://hub/acme/tiny/resolve/" + commit_text + "/sub/model.bin", asked.url);
  EXPECT_EQ("bytes=100-199", asked.headers.get("Range").value_or(""));
  EXPECT_EQ("hf_token", asked.token.reveal());
  EXPECT_EQ(1U, source.requests());
}

TEST_F(ResolveSourceTest, TheWholeFileNeedsNoRange) {
  FakeAnswer answer;
  answer.body = std::string(size, 'x');
  client.then(std::move(answer));
  ResolveSource source(client, clock, options());
  ASSERT_TRUE(open(source, {0, size}));
  EXPECT_FALSE(client.requests().at(0).headers.get("Range"));
}

TEST_F(ResolveSourceTest, AnAnswerAboutSomethingElseIsNotTheFile) {
  EXPECT_EQ(ErrorKind::bad_upstream, kind(range_answer(101, 200), {100, 100}));
  auto other_total = range_answer(100, 199);
  other_total.headers.set("Content-Range", "bytes 100-199/2000");
  EXPECT_EQ(ErrorKind::bad_upstream, kind(std::move(other_total), {100, 100}));
  FakeAnswer longer;
  longer.body = std::string(size + 1, 'x');
  EXPECT_EQ(ErrorKind::bad_upstream, kind(longer, {0, size}));
  FakeAnswer packed;
  packed.body = std::string(size, 'x');
  packed.with("Content-Encoding", "gzip");
  EXPECT_EQ(ErrorKind::bad_upstream, kind(packed, {0, size}));
  FakeAnswer odd;
  odd.status = 304;
  EXPECT_EQ(ErrorKind::bad_upstream, kind(odd, {0, size}));
}

TEST_F(ResolveSourceTest, AHtmlFileOfTheRepoIsAFile) {
  FakeAnswer page;
  page.body = std::string(size, 'x');
  page.with("Content-Type", "text/html");
  EXPECT_EQ(ErrorKind{}, kind(page, {0, size}, "index.html"));
}

TEST_F(ResolveSourceTest, AServerWithoutRangesIsRecognised) {
  FakeAnswer whole;
  whole.body = std::string(size, 'x');
  client.then(std::move(whole));
  ResolveSource source(client, clock, options());
  EXPECT_FALSE(source.ignores_ranges());
  EXPECT_FALSE(open(source, {100, 100}));
  EXPECT_TRUE(source.ignores_ranges());
}

TEST_F(ResolveSourceTest, TheHubsRefusalsAreTyped) {
  FakeAnswer gated;
  gated.status = 403;
  gated.with("X-Error-Code", "GatedRepo");
  EXPECT_EQ(ErrorKind::gated_repo, kind(gated, {0, size}));
  FakeAnswer gone;
  gone.status = 404;
  gone.with("X-Error-Code", "EntryNotFound");
  EXPECT_EQ(ErrorKind::entry_not_found, kind(gone, {0, size}));
}

TEST_F(ResolveSourceTest, AMirrorStandsInWithoutTheToken) {
  client.then(FakeAnswer::failing(ErrorKind::unreachable, "https://hub refuses"));
  client.then(range_answer(0, 99));
  client.then(range_answer(100, 199));
  auto with_mirror = options();
  with_mirror.mirrors = {"https://mirror"};
  ResolveSource source(client, clock, std::move(with_mirror));
  ASSERT_TRUE(open(source, {0, 100}));
  ASSERT_TRUE(open(source, {100, 100}));
  ASSERT_EQ(3U, client.requests().size());
  EXPECT_TRUE(client.requests().at(1).url.starts_with("https://mirror/acme/tiny/resolve/"));
  EXPECT_TRUE(client.requests().at(1).token.empty());
  EXPECT_TRUE(client.requests().at(2).url.starts_with("https://mirror/")) << "the one that answers is kept";
}

TEST_F(ResolveSourceTest, TheRequestsOfOneOpenShareItsSilence) {
  client.then([] {
    auto answer = range_answer(0, 99);
    answer.redirected_to = "https://cdn/x";
    return answer;
  }());
  ResolveSource source(client, clock, options());
  ASSERT_TRUE(open(source, {0, 100}));
  client.answer_with([&](http::Request const& asked) {
    if (asked.url.starts_with("https://hub/")) return range_answer(100, 199);
    clock.pass(std::chrono::seconds(15));
    FakeAnswer over;
    over.status = 403;
    return over;
  });
  ASSERT_TRUE(open(source, {100, 100}));
  ASSERT_EQ(3U, client.requests().size());
  EXPECT_EQ(std::chrono::seconds(60), client.requests().at(1).progress_deadline);
  EXPECT_EQ(std::chrono::seconds(45), client.requests().at(2).progress_deadline);
}

TEST_F(ResolveSourceTest, ASignedAddressIsRenewedAheadOfItsEnd) {
  auto const redirected = [](Bytes first, Bytes last, std::string const& url) {
    auto answer = range_answer(first, last);
    answer.redirected_to = url;
    return answer;
  };
  client.then(redirected(0, 99, "https://cdn/x?Expires=1800000060"));
  client.then(range_answer(100, 199));
  client.then(redirected(200, 299, "https://cdn/x?Expires=1800000120"));
  ResolveSource source(client, clock, options());
  ASSERT_TRUE(open(source, {0, 100}));
  ASSERT_TRUE(open(source, {100, 100}));
  EXPECT_TRUE(client.requests().at(1).url.starts_with("https://cdn/")) << client.requests().at(1).url;
  clock.pass(std::chrono::seconds(46));
  ASSERT_TRUE(open(source, {200, 100}));
  EXPECT_TRUE(client.requests().at(2).url.starts_with("https://hub/")) << "a quarter of its minute is left: another one first";
}

}  // namespace
}  // namespace hubd::transfer
