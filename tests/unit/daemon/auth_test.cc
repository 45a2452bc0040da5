// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/auth.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "core/base/log.h"
#include "core/net/task_group.h"

namespace hubd::daemon {
namespace {

constexpr Principal owner{1000};
constexpr Principal guest{2000};

/// A whole answer from memory.
class Answer final : public http::Response {
 public:
  Answer(int status, std::string body) : status_(status), body_(std::move(body)) {}
  int status() const override { return status_; }
  http::Headers const& headers() const override { return headers_; }
  std::string const& url() const override { return url_; }
  std::vector<std::pair<std::string, http::Headers>> const& hops() const override { return hops_; }
  http::Route const& route() const override { return route_; }
  std::string const& request_id() const override { return request_id_; }
  std::optional<Bytes> content_length() const override { return body_.size(); }
  Async<std::size_t> read_some(std::span<std::byte> out) override {
    auto const count = std::min(out.size(), body_.size());
    std::copy_n(as_bytes(body_).begin(), count, out.begin());
    body_.erase(0, count);
    co_return count;
  }

 private:
  int status_;
  std::string body_;
  http::Headers headers_;
  std::string url_ = "https://hub.example/";
  std::vector<std::pair<std::string, http::Headers>> hops_;
  http::Route route_;
  std::string request_id_;
};

/// A Hub that knows one token.
class OneUserHub final : public http::Client {
 public:
  Async<std::unique_ptr<http::Response>> send(http::Request request) override {
    ++requests;
    url = request.url;
    bool const known = request.token.reveal() == "hf_0123456789abcdef";
    std::unique_ptr<http::Response> answer = std::make_unique<Answer>(
        known ? 200 : 401, known ? R"({"type":"user","name":"ann","orgs":[{"name":"acme"}],)"
                                   R"("auth":{"type":"access_token","accessToken":{"displayName":"laptop","role":"read"}}})"
                                 : R"({"error":"Invalid user token"})");
    co_return answer;
  }
  int requests = 0;
  std::string url;
};

class AuthTest : public testing::Test {
 protected:
  static std::string made() {
    char name[] = "/tmp/hubd-auth-XXXXXX";
    return mkdtemp(name);
  }
  ~AuthTest() override { std::filesystem::remove_all(folder_); }

  template <class T>
  static asio::awaitable<void> store(Async<T> call, std::optional<Result<T>>& result) {
    auto done = co_await std::move(call);
    result.emplace(std::move(done));
  }
  template <class T>
  Result<T> run(Async<T> call) {
    std::optional<Result<T>> result;
    tasks_.spawn("call", store(std::move(call), result));
    io_.restart();
    io_.run();
    return result ? std::move(*result) : Result<T>(fail(ErrorKind::internal, "the call did not end"));
  }
  Result<v1::LoginResponse> log_in(std::string const& token, Principal principal = owner) {
    v1::LoginRequest request;
    request.mutable_caller()->set_token(token);
    return run(auth_.login(principal, request));
  }

  std::string folder_ = made();
  asio::io_context io_;
  net::TaskGroup tasks_{io_.get_executor(), [](std::exception_ptr) { ADD_FAILURE() << "a call threw"; }};
  SystemClock clock_;
  net::SystemTimers timers_{clock_};
  NullLog log_;
  std::unique_ptr<fs::FileSystem> files_ = fs::system_files();
  std::unique_ptr<Random> random_ = seeded_random(1);
  TokenStore tokens_{*files_, *random_, folder_ + "/token"};
  OneUserHub web_;
  hub::HubClient hub_{web_, timers_, log_};
  PeerPolicy policy_{owner.uid, {guest.uid}};
  Callers callers_{Callers::Facts{{"https://hub.example"}, "/cache"}, policy_, clock_,
                   [this](Principal) { return tokens_.active(); }};
  Auth auth_{Auth::Parts{tokens_, hub_, callers_, policy_, timers_, io_.get_executor()}};
};

TEST_F(AuthTest, LoginChecksTheTokenAndStoresItUnderItsName) {
  auto const done = log_in("hf_0123456789abcdef\n");
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(done->token_name(), "laptop");
  EXPECT_EQ(done->user(), "ann");
  EXPECT_EQ(done->token_path(), folder_ + "/token");
  EXPECT_EQ(web_.url, "https://hub.example/api/whoami-v2");
  EXPECT_EQ(run(auth_.get_token(owner, {}))->token(), "hf_0123456789abcdef");
  auto const who = run(auth_.who_am_i(owner, {}));
  ASSERT_TRUE(who) << who.error().what;
  EXPECT_EQ(who->name(), "ann");
  EXPECT_EQ(who->orgs(0), "acme");
  EXPECT_EQ(who->token_role(), "read");
  EXPECT_EQ(who->endpoint(), "https://hub.example");
}

TEST_F(AuthTest, AWrongTokenIsNotStored) {
  auto const refused = log_in("hf_wrong");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unauthorized);
  EXPECT_EQ(refused.error().what.find("hf_wrong"), std::string::npos) << "no token in a sentence";
  EXPECT_TRUE(tokens_.active().empty());
}

TEST_F(AuthTest, TokensThatCannotLogInAreRefusedWithoutAsking) {
  for (auto const* const token : {"", " \n", "api_org_abcdefgh", "hf_a b"}) {
    auto const refused = log_in(token);
    ASSERT_FALSE(refused) << token;
    EXPECT_EQ(refused.error().kind, ErrorKind::bad_request);
  }
  EXPECT_EQ(web_.requests, 0);
}

TEST_F(AuthTest, NobodyIsLoggedInAtFirst) {
  auto const who = run(auth_.who_am_i(owner, {}));
  ASSERT_FALSE(who);
  EXPECT_EQ(who.error().kind, ErrorKind::unauthorized);
  EXPECT_NE(who.error().what.find("hubctl auth login"), std::string::npos);
  EXPECT_EQ(run(auth_.get_token(owner, {})).error().kind, ErrorKind::unauthorized);
  EXPECT_EQ(web_.requests, 0);
}

TEST_F(AuthTest, AnOfflineCallerAsksNobody) {
  ASSERT_TRUE(tokens_.save("laptop", Secret("hf_0123456789abcdef")));
  v1::WhoAmIRequest request;
  request.mutable_caller()->set_offline(true);
  EXPECT_EQ(run(auth_.who_am_i(owner, request)).error().kind, ErrorKind::offline);
  EXPECT_EQ(web_.requests, 0);
}

TEST_F(AuthTest, TheOwnersTokensAreClosedToOtherUsers) {
  ASSERT_TRUE(log_in("hf_0123456789abcdef"));
  EXPECT_EQ(run(auth_.get_token(guest, {})).error().kind, ErrorKind::permission_denied);
  EXPECT_EQ(run(auth_.list_tokens(guest, {})).error().kind, ErrorKind::permission_denied);
  EXPECT_EQ(run(auth_.logout(guest, {})).error().kind, ErrorKind::permission_denied);
  EXPECT_EQ(run(auth_.switch_token(guest, {})).error().kind, ErrorKind::permission_denied);
  EXPECT_EQ(log_in("hf_0123456789abcdef", guest).error().kind, ErrorKind::permission_denied);
  EXPECT_EQ(run(auth_.get_token(owner, {}))->token(), "hf_0123456789abcdef");
}

TEST_F(AuthTest, TokensAreListedSwitchedAndForgottenByName) {
  ASSERT_TRUE(tokens_.save("desk", Secret("hf_desk0123456789")));
  ASSERT_TRUE(log_in("hf_0123456789abcdef"));
  auto const listed = run(auth_.list_tokens(owner, {}));
  ASSERT_EQ(listed->tokens_size(), 2);
  EXPECT_EQ(listed->tokens(1).name(), "laptop");
  EXPECT_EQ(listed->tokens(1).masked(), "hf_****cdef");
  EXPECT_TRUE(listed->tokens(1).active());
  v1::SwitchTokenRequest to_desk;
  to_desk.set_token_name("desk");
  ASSERT_TRUE(run(auth_.switch_token(owner, to_desk)));
  EXPECT_EQ(tokens_.active().reveal(), "hf_desk0123456789");
  v1::LogoutRequest forget;
  forget.set_token_name("desk");
  auto const forgotten = run(auth_.logout(owner, forget));
  ASSERT_TRUE(forgotten);
  EXPECT_TRUE(forgotten->active_removed());
  EXPECT_EQ(run(auth_.logout(owner, forget)).error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(run(auth_.logout(owner, {}))->removed(0), "laptop");
}

TEST_F(AuthTest, ALockHeldByAnotherProgramIsWaitedFor) {
  auto held = files_->try_lock(folder_ + "/stored_tokens.lock", 0600);
  ASSERT_TRUE(held && *held);
  v1::LoginRequest request;
  request.mutable_caller()->set_token("hf_0123456789abcdef");
  std::optional<Result<v1::LoginResponse>> result;
  tasks_.spawn("login", store(auth_.login(owner, request), result));
  while (web_.requests == 0) io_.run_one();
  io_.run_one();
  EXPECT_FALSE(result);
  held->reset();
  io_.run();
  ASSERT_TRUE(result && *result) << (result ? result->error().what : "no end");
  EXPECT_EQ(tokens_.active().reveal(), "hf_0123456789abcdef");
}

}  // namespace
}  // namespace hubd::daemon
