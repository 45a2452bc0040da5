// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <zstd.h>

#include "core/cas/client.h"
#include "tests/support/fake_http.h"
#include "tests/support/in_loop.h"
#include "tests/support/instant_timers.h"

namespace hubd::cas {
namespace {

using namespace std::chrono_literals;
using support::FakeAnswer;

std::string const kFile(64, 'a');
std::string const kXorb(64, 'b');

;

class Tokens final : public TokenSource {
 public:
  using TokenSource::TokenSource;
  int fetches = 0;

 protected:
  Async<Access> fetch() override {
    ++fetches;
    Access access{"https://cas.example", Secret("xet-" + std::to_string(fetches)), WallTime(5000s)};
    co_return access;
  }
};

std::string v2(std::string const& xorb = kXorb) {
  return R"({"offset_into_first_range":3,"new_field":[],"terms":[{"hash":")" + xorb +
         R"(","unpacked_length":70000,"range":{"start":1,"end":3}}],"xorbs":{")" + xorb +
         R"(":[{"url":"https://data.example/x?sig=1","ranges":[{"chunks":{"start":1,"end":3},"bytes":{"start":100,"end":199}}]}]}})";
}

std::string v1() {
  return R"({"offset_into_first_range":3,"terms":[{"hash":")" + kXorb + R"(","unpacked_length":70000,"range":{"start":1,"end":3}}],"fetch_info":{")" + kXorb +
         R"(":[{"url":"https://data.example/x?sig=1","range":{"start":1,"end":3},"url_range":{"start":100,"end":199}}]}})";
}

class CasClientTest : public ::testing::Test {
 protected:
  Result<xet::Reconstruction> ask(std::optional<Extent> range = std::nullopt) {
    return loop_.run(client_.reconstruction(tokens_, *xet::MerkleHash::parse(kFile), range, CallContext{}));
  }
  void expect_the_answer(Result<xet::Reconstruction> const& answer) {
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(answer->offset_into_first_range, 3U);
    ASSERT_EQ(answer->terms.size(), 1U);
    EXPECT_EQ(answer->terms[0].length, 70000U);
    auto const& range = answer->ranges.at(*xet::MerkleHash::parse(kXorb)).at(0);
    EXPECT_EQ(range.bytes, (Extent{100, 100}));
    EXPECT_EQ(range.url, "https://data.example/x?sig=1");
  }

  support::Loop loop_;
  support::FakeHttpClient http_;
  support::InstantTimers timers_{WallTime(1000s)};
  NullLog log_;
  Tokens tokens_{loop_.io.get_executor(), timers_};
  Client client_{http_, timers_, log_};
};

TEST_F(CasClientTest, AReconstructionIsAskedWithTokenAndRange) {
  http_.then(FakeAnswer::json(v2()));
  expect_the_answer(ask(Extent{1000, 500}));
  auto const& request = http_.requests().at(0);
  EXPECT_EQ(request.url, "https://cas.example/v2/reconstructions/" + kFile);
  EXPECT_EQ(request.token.reveal(), "xet-1");
  EXPECT_EQ(request.headers.get("Range"), "bytes=1000-1499");
}

TEST_F(CasClientTest, ACompressedAnswerIsUnpackedUpToTheLimit) {
  auto const packed = [](std::string const& text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
  };
  http_.then(FakeAnswer::json(packed(v2()))).with("Content-Encoding", "zstd");
  expect_the_answer(ask());
  http_.then(FakeAnswer::json(packed(std::string(17 * 1024 * 1024, ' ')))).with("Content-Encoding", "zstd");
  EXPECT_EQ(ask().error().kind, ErrorKind::bad_upstream) << "a bomb";
  http_.then(FakeAnswer::json(packed(v2()).substr(0, 40))).with("Content-Encoding", "zstd");
  EXPECT_EQ(ask().error().kind, ErrorKind::bad_upstream) << "cut short";
  http_.then(FakeAnswer::json("x")).with("Content-Encoding", "gzip");
  EXPECT_EQ(ask().error().kind, ErrorKind::bad_upstream) << "nobody asked for that";
}

TEST_F(CasClientTest, AServerWithoutV2IsAskedForV1AndRemembered) {
  for (int const status : {404, 501}) {
    support::FakeHttpClient http;
    Client client(http, timers_, log_);
    http.then(FakeAnswer::json("{}", status));
    http.then(FakeAnswer::json(v1()));
    http.then(FakeAnswer::json(v1()));
    auto const file = *xet::MerkleHash::parse(kFile);
    expect_the_answer(loop_.run(client.reconstruction(tokens_, file, std::nullopt, CallContext{})));
    expect_the_answer(loop_.run(client.reconstruction(tokens_, file, std::nullopt, CallContext{})));
    ASSERT_EQ(http.requests().size(), 3U);
    EXPECT_EQ(http.requests()[2].url, "https://cas.example/v1/reconstructions/" + kFile);
  }
}

TEST_F(CasClientTest, AFileThatIsNotThereDoesNotDemoteTheServer) {
  http_.then(FakeAnswer::json("{}", 404));
  http_.then(FakeAnswer::json("{}", 404));
  auto const missing = ask();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::entry_not_found);
  http_.then(FakeAnswer::json(v2()));
  expect_the_answer(ask());
  EXPECT_NE(http_.requests().back().url.find("/v2/"), std::string::npos);
}

TEST_F(CasClientTest, ARefusedTokenIsRenewedOnce) {
  http_.then(FakeAnswer::json("{}", 401));
  http_.then(FakeAnswer::json(v2()));
  expect_the_answer(ask());
  EXPECT_EQ(http_.requests()[1].token.reveal(), "xet-2");
  http_.then(FakeAnswer::json("{}", 403));
  http_.then(FakeAnswer::json("{}", 403));
  auto const refused = ask();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unauthorized);
  EXPECT_EQ(refused.error().what.find("xet-"), std::string::npos) << "no token in a sentence";
}

TEST_F(CasClientTest, BusyServersAreAskedAgainAsTheyWish) {
  http_.then(FakeAnswer::json("", 429)).with("Retry-After", "6");
  http_.then(FakeAnswer::json("", 503));
  http_.then(FakeAnswer::json(v2()));
  expect_the_answer(ask());
  EXPECT_EQ(timers_.waits.at(0), Duration(7s));
  for (int i = 0; i < 9; ++i) http_.then(FakeAnswer::json("", 500));
  auto const failed = ask();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::bad_upstream);
  EXPECT_EQ(failed.error().http_status, 500);
  EXPECT_EQ(http_.requests().size(), 8U) << "one try and four more";
}

TEST_F(CasClientTest, WhatIsNoReconstructionIsTheServersFault) {
  for (std::string const& body :
       {std::string(""), std::string("[]"), std::string("{}"), std::string("<html>"), v2("zz"), v2().replace(v2().find("70000"), 5, "-1"),
        v2().replace(v2().find("\"start\":1"), 9, "\"start\":9"), v2().replace(v2().find("\"end\":199"), 9, "\"end\":99"),
        v2().replace(v2().find("\"url\""), 5, "\"uri\""), std::string(100000, '[')}) {
    http_.then(FakeAnswer::json(body));
    auto const answer = ask();
    ASSERT_FALSE(answer) << body.substr(0, 200);
    EXPECT_EQ(answer.error().kind, ErrorKind::bad_upstream) << body.substr(0, 200);
  }
  http_.then(FakeAnswer::json("{}", 416));
  EXPECT_EQ(ask(Extent{1'000'000, 5}).error().kind, ErrorKind::bad_request);
}

TEST_F(CasClientTest, ARangeOfAXorbIsExactlyWhatWasAsked) {
  auto const open = [&](Extent bytes) { return loop_.run(client_.open_range("https://data.example/x?sig=secret", bytes, CallContext{})); };
  FakeAnswer good;
  good.status = 206;
  good.body = std::string(100, 'x');
  good.headers.set("Content-Range", "bytes 50-149/1000");
  good.headers.set("Content-Length", "100");
  http_.then(good);
  EXPECT_TRUE(open({50, 100}));
  EXPECT_EQ(http_.requests()[0].headers.get("Range"), "bytes=50-149");
  EXPECT_TRUE(http_.requests()[0].token.empty()) << "the token stays with the CAS";
  http_.then(good);
  EXPECT_EQ(open({51, 100}).error().kind, ErrorKind::bad_upstream);
  good.status = 200;  // the reference's own server answers so, with the ranged bytes
  good.headers = {};
  good.headers.set("Content-Length", "100");
  http_.then(good);
  EXPECT_TRUE(open({50, 100}));
  http_.then(good);
  EXPECT_FALSE(open({50, 101}));
  http_.then(FakeAnswer::json("{}", 403));
  auto const refused = open({50, 100});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().http_status, 403);
  EXPECT_EQ(refused.error().what.find("secret"), std::string::npos) << "signatures are secrets";
}

TEST_F(CasClientTest, ADedupQueryGivesAShardOrNothing) {
  auto const query = [&] { return loop_.run(client_.dedup_shard(tokens_, *xet::MerkleHash::parse(kXorb), CallContext{})); };
  http_.then(FakeAnswer::json("shard bytes"));
  auto const known = query();
  ASSERT_TRUE(known && *known);
  EXPECT_EQ(**known, "shard bytes");
  EXPECT_EQ(http_.requests()[0].url, "https://cas.example/v1/chunks/default/" + kXorb);
  http_.then(FakeAnswer::json("", 404));
  auto const unknown = query();
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(*unknown);
}

}  // namespace
}  // namespace hubd::cas
