// SPDX-License-Identifier: Apache-2.0
#include "client/cli/starter.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace hubd::cli {
namespace {

/// Programs that stand for hubd, and the socket they should listen on.
class StartHubd : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(nullptr, ::mkdtemp(folder_.data())); }
  void TearDown() override {
    if (listener_ >= 0) ::close(listener_);
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string path(std::string const& name) const { return folder_ + "/" + name; }

  StartPlan plan(std::string const& script) {
    std::ofstream(path("hubd")) << "#!/bin/sh\n" << script;
    ::chmod(path("hubd").c_str(), 0700);
    StartPlan plan;
    plan.program = path("hubd");
    plan.environment = {{"PATH", "/usr/bin:/bin"}, {"HERE", folder_}};
    plan.log = path("log");
    return plan;
  }

  /// A socket that accepts; a program makes it hubd's by a rename.
  void listen_at(std::string const& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(socket.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, socket.data(), socket.size());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(0, ::bind(listener_, reinterpret_cast<sockaddr const*>(&address), sizeof address));
    ASSERT_EQ(0, ::listen(listener_, 8));
  }

 private:
  std::string folder_ = testing::TempDir() + "hubd-XXXXXX";
  int listener_ = -1;
};

TEST_F(StartHubd, StartsAgainWhenTheOneThatEndsStillHeldTheLock) {
  listen_at(path("ready"));
  auto const again = plan(
      "if [ -e \"$HERE/tried\" ]; then mv \"$HERE/ready\" \"$HERE/s\"; exit 0; fi\n"
      "touch \"$HERE/tried\"; echo 'busy (pid 7, socket /gone/s)'; exit 3\n");
  auto const started = start_hubd(again, path("s"));
  EXPECT_TRUE(started) << started.error().message;
}

TEST_F(StartHubd, GivesUpAtOnceWhenTheOwnerListensElsewhere) {
  listen_at(path("other"));
  auto const started = start_hubd(plan("echo \"busy (pid 7, socket $HERE/other)\"; exit 3\n"), path("s"));
  ASSERT_FALSE(started);
  EXPECT_EQ("hubd could not be started: busy (pid 7, socket " + path("other") + ")", started.error().message);
}

TEST_F(StartHubd, ReportsOnlyWhatTheLogHasGainedSince) {
  std::ofstream(path("log")) << "yesterday's trouble\n";
  auto const silent = start_hubd(plan("exit 1\n"), path("s"));
  ASSERT_FALSE(silent);
  EXPECT_EQ("hubd could not be started: it ended without a word (log: " + path("log") + ")", silent.error().message);
  auto const spoken = start_hubd(plan("echo first; echo today\\'s; exit 1\n"), path("s"));
  ASSERT_FALSE(spoken);
  EXPECT_EQ("hubd could not be started: today's (log: " + path("log") + ")", spoken.error().message);
}

}  // namespace
}  // namespace hubd::cli
