// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "client/client.h"
#include "client/error.h"
#include "core/base/error.h"

namespace hubd::client {
namespace {

TEST(ClientErrorKind, HasEveryNameOfTheDaemonUnderItsNumber) {
  for (int number = 1; number < 128; ++number) {
    auto const ours = name_of(static_cast<ErrorKind>(number));
    auto const theirs = hubd::name_of(static_cast<hubd::ErrorKind>(number));
    EXPECT_EQ(theirs, ours) << number;
  }
  EXPECT_EQ("not_mounted", name_of(ErrorKind::not_mounted));
  EXPECT_EQ("unknown", name_of(static_cast<ErrorKind>(255)));
}

TEST(ClientConnect, NamesEverySocketThatNobodyAnswers) {
  Client::Options options;
  options.sockets = {"/nonexistent/a.sock", "/nonexistent/b.sock"};
  auto const client = Client::connect(options);
  ASSERT_FALSE(client);
  EXPECT_EQ(ErrorKind::unavailable, client.error().kind);
  EXPECT_EQ("hubd does not run: nobody answers at /nonexistent/a.sock and /nonexistent/b.sock", client.error().message);
}

}  // namespace
}  // namespace hubd::client
