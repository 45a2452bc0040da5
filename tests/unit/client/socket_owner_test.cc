// SPDX-License-Identifier: Apache-2.0
#include "client/socket_owner.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "client/client.h"

namespace hubd::client {
namespace {

constexpr uid_t kOther = 54321;

class CheckSocketOwner : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(nullptr, ::mkdtemp(base_.data()));
    folder_ = base_ + "/hubd";
    ASSERT_EQ(0, ::mkdir(folder_.c_str(), 0700));
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(socket().size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, socket().data(), socket().size());
    ASSERT_EQ(0, ::bind(listener_, reinterpret_cast<sockaddr const*>(&address), sizeof address));
    ASSERT_EQ(0, ::listen(listener_, 8));
  }
  void TearDown() override {
    ::close(listener_);
    std::filesystem::remove_all(base_);
  }

  [[nodiscard]] std::string socket() const { return folder_ + "/s"; }

  void expect_refused(std::string const& path) {
    auto const checked = check_socket_owner(path);
    ASSERT_FALSE(checked);
    EXPECT_EQ(ErrorKind::permission_denied, checked.error().kind);
    EXPECT_NE(std::string::npos, checked.error().message.find(path)) << checked.error().message;
    // And so Client::connect() sends nothing there, as it does to a socket that was named.
    Client::Options options;
    options.sockets = {path};
    auto const client = Client::connect(options);
    ASSERT_FALSE(client);
    EXPECT_EQ(checked.error().message, client.error().message);
    options.check_owner = false;
    options.hello_limit = std::chrono::milliseconds(50);
    EXPECT_EQ(ErrorKind::deadline_exceeded, Client::connect(options).error().kind);
  }

  std::string base_ = testing::TempDir() + "hubd-XXXXXX";
  std::string folder_;
  int listener_ = -1;
};

TEST_F(CheckSocketOwner, TrustsAFolderOfThisUserOnly) {
  EXPECT_TRUE(check_socket_owner(socket()));
}

TEST_F(CheckSocketOwner, FindsNobodyWhereThereIsNoFolder) {
  EXPECT_EQ(ErrorKind::unavailable, check_socket_owner(base_ + "/none/s").error().kind);
}

TEST_F(CheckSocketOwner, RefusesAFolderThatOthersMayWrite) {
  ASSERT_EQ(0, ::chmod(folder_.c_str(), 0770));
  expect_refused(socket());
}

TEST_F(CheckSocketOwner, RefusesALink) {
  ASSERT_EQ(0, ::symlink(folder_.c_str(), (base_ + "/link").c_str()));
  expect_refused(base_ + "/link/s");
}

TEST_F(CheckSocketOwner, RefusesAnothersFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  ASSERT_EQ(0, ::chown(folder_.c_str(), kOther, kOther));
  expect_refused(socket());
}

TEST_F(CheckSocketOwner, RefusesAnotherListener) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can listen as another user";
  ASSERT_EQ(0, ::seteuid(kOther));
  int const listening = ::listen(listener_, 8);  // the kernel notes who calls this
  ASSERT_EQ(0, ::seteuid(0));
  ASSERT_EQ(0, listening);
  expect_refused(socket());
}

}  // namespace
}  // namespace hubd::client
