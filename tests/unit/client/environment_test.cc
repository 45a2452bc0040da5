// SPDX-License-Identifier: Apache-2.0
#include "client/environment.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace hubd::client {
namespace {

Variables with(std::initializer_list<std::pair<std::string const, std::string>> more) {
  Variables variables{{"HOME", "/home/ann"}};
  variables.insert(more.begin(), more.end());
  return variables;
}

TEST(CacheRoot, FollowsTheVariablesInHuggingFacesOrder) {
  EXPECT_EQ("/home/ann/.cache/huggingface/hub", cache_root(with({})));
  EXPECT_EQ("/x/huggingface/hub", cache_root(with({{"XDG_CACHE_HOME", "/x"}})));
  EXPECT_EQ("/hf/hub", cache_root(with({{"HF_HOME", "/hf/"}, {"XDG_CACHE_HOME", "/x"}})));
  EXPECT_EQ("/old", cache_root(with({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HOME", "/hf"}})));
  EXPECT_EQ("/new", cache_root(with({{"HF_HUB_CACHE", "/new"}, {"HUGGINGFACE_HUB_CACHE", "/old"}})));
  EXPECT_EQ("/hf/hub", cache_root(with({{"HF_HUB_CACHE", ""}, {"HF_HOME", "/hf"}})));
}

TEST(ExpandPath, KnowsTildeAndVariables) {
  auto const variables = with({{"DATA", "/data"}});
  EXPECT_EQ("/home/ann/c", expand_path("~/c", variables));
  EXPECT_EQ("/data/c", expand_path("$DATA/c", variables));
  EXPECT_EQ("/data/c", expand_path("${DATA}/a/../c/", variables));
  EXPECT_EQ("/$NOT_SET/c", expand_path("/$NOT_SET/c", variables));
}

TEST(CallerFrom, GivesATokenOfTheEnvironment) {
  auto const caller = caller_from(with({{"HF_TOKEN", " hf_a\n"}, {"HUGGING_FACE_HUB_TOKEN", "hf_b"}}));
  EXPECT_EQ(TokenMode::given, caller.token_mode);
  EXPECT_EQ("hf_a", caller.token);
  EXPECT_EQ("hf_b", caller_from(with({{"HF_TOKEN", " "}, {"HUGGING_FACE_HUB_TOKEN", "hf_b"}})).token);
}

TEST(CallerFrom, LeavesTheTokenToHubdWithoutAFileOfItsOwn) {
  auto const caller = caller_from(with({}));
  EXPECT_EQ(TokenMode::stored, caller.token_mode);
  EXPECT_EQ("", caller.token);
}

TEST(CallerFrom, GivesTheTokenOfItsOwnFile) {
  auto folder = testing::TempDir() + "hubd-XXXXXX";
  ASSERT_NE(nullptr, ::mkdtemp(folder.data()));
  std::ofstream(folder + "/token") << " hf_home\r\n";
  std::ofstream(folder + "/other") << "hf_other";
  std::ofstream(folder + "/empty") << "\n";
  auto const caller = caller_from(with({{"HF_HOME", folder}}));
  EXPECT_EQ(TokenMode::given, caller.token_mode);
  EXPECT_EQ("hf_home", caller.token);
  EXPECT_EQ("hf_other", caller_from(with({{"HF_HOME", folder}, {"HF_TOKEN_PATH", folder + "/other"}})).token);
  EXPECT_EQ("hf_a", caller_from(with({{"HF_HOME", folder}, {"HF_TOKEN", "hf_a"}})).token);
  EXPECT_EQ("", caller_from(with({{"HF_HOME", folder}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})).token);
  for (auto const* const none : {"/empty", "/absent", ""})
    EXPECT_EQ(TokenMode::stored,
              caller_from(with({{"HF_HOME", folder}, {"HF_TOKEN_PATH", folder + none}})).token_mode)
        << none;
  std::filesystem::remove_all(folder);
}

TEST(CallerFrom, SendsNoImplicitTokenWhenThatIsOff) {
  auto const caller = caller_from(with({{"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}, {"HF_TOKEN", "hf_a"}}));
  EXPECT_EQ(TokenMode::none, caller.token_mode);
  EXPECT_EQ("", caller.token);
}

TEST(CallerFrom, KnowsWhetherSomebodyNamedTheCache) {
  EXPECT_FALSE(caller_from(with({{"XDG_CACHE_HOME", "/x"}})).cache_named);
  for (auto const* const name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"})
    EXPECT_TRUE(caller_from(with({{name, "/x"}})).cache_named) << name;
}

TEST(CallerFrom, TakesTheEndpointWithoutItsSlashAndStagingFirst) {
  EXPECT_EQ("", caller_from(with({})).endpoint);
  EXPECT_EQ("http://h:1", caller_from(with({{"HF_ENDPOINT", "http://h:1/"}})).endpoint);
  EXPECT_EQ("https://hub-ci.huggingface.co",
            caller_from(with({{"HF_ENDPOINT", "http://h"}, {"HUGGINGFACE_CO_STAGING", "yes"}})).endpoint);
}

TEST(CallerFrom, IsOfflineByEitherVariable) {
  EXPECT_FALSE(caller_from(with({{"HF_HUB_OFFLINE", "0"}})).offline);
  EXPECT_TRUE(caller_from(with({{"HF_HUB_OFFLINE", "ON"}})).offline);
  EXPECT_TRUE(caller_from(with({{"TRANSFORMERS_OFFLINE", "true"}})).offline);
}

TEST(Sockets, AreTheUsersThenTheHosts) {
  using List = std::vector<std::string>;
  EXPECT_EQ((List{"/run/user/7/hubd/hubd.sock", "/run/hubd/hubd.sock"}),
            sockets(with({{"XDG_RUNTIME_DIR", "/run/user/7"}}), 7));
  EXPECT_EQ((List{"/tmp/hubd-7/hubd.sock", "/run/hubd/hubd.sock"}), sockets(with({}), 7));
  EXPECT_EQ(List{"/s"}, sockets(with({{"HUBD_SOCKET", "/s"}}), 7));
}

}  // namespace
}  // namespace hubd::client
