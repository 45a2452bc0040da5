// SPDX-License-Identifier: Apache-2.0
#include "client/cli/connector.h"

#include <gtest/gtest.h>

#include "client/cli/starter.h"

namespace hubd::cli {
namespace {

TEST(IsOlder, ComparesNumbersNotText) {
  EXPECT_TRUE(Connector::is_older("0.9.0", "0.10.0"));
  EXPECT_TRUE(Connector::is_older("1.2", "1.2.1"));
  EXPECT_FALSE(Connector::is_older("1.2.0", "1.2"));
  EXPECT_FALSE(Connector::is_older("2.0", "1.9.9"));
}

TEST(SocketOfRoot, IsBesideTheUsersAndDiffersByRoot) {
  auto const a = Connector::socket_of_root("/run/user/7/hubd/hubd.sock", "/data/a");
  auto const b = Connector::socket_of_root("/run/user/7/hubd/hubd.sock", "/data/b");
  EXPECT_NE(a, b);
  EXPECT_EQ(a, Connector::socket_of_root("/run/user/7/hubd/hubd.sock", "/data/a"));
  EXPECT_TRUE(a.starts_with("/run/user/7/hubd/cache-"));
  EXPECT_LT(a.size(), 60U);
}

TEST(PlanStart, KeepsWhatBelongsToACallerOutOfTheDaemon) {
  client::Variables const variables{{"HF_TOKEN", "hf_secret"},       {"HF_ENDPOINT", "http://mirror"},
                                    {"HF_HUB_OFFLINE", "1"},         {"HF_HOME", "relative/hf"},
                                    {"HTTPS_PROXY", "http://proxy"}, {"HUBD_SOCKET", "/s"},
                                    {"NOTIFY_SOCKET", "/n"}};
  auto const plan = plan_start("/bin/hubd", "/run/s.sock", "/cache", variables);
  EXPECT_EQ("/bin/hubd", plan.program);
  EXPECT_EQ((std::vector<std::string>{"--auto-started", "--socket", "/run/s.sock", "--cache", "/cache"}),
            plan.arguments);
  for (auto const* const name : {"HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HUBD_SOCKET", "NOTIFY_SOCKET"})
    EXPECT_EQ(0U, plan.environment.count(name)) << name;
  EXPECT_EQ("http://proxy", plan.environment.at("HTTPS_PROXY"));
  EXPECT_TRUE(plan.environment.at("HF_HOME").starts_with('/'));
  EXPECT_EQ(plan.environment.at("HF_HOME") + "/hubd/hubd.log", plan.log);
}

}  // namespace
}  // namespace hubd::cli
