// SPDX-License-Identifier: Apache-2.0
#include "core/base/digest.h"

#include <gtest/gtest.h>

namespace hubd {
namespace {

TEST(Digest, HexRoundTrips) {
  std::string const hex(64, 'a');
  auto const digest = Sha256::parse(hex);
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->hex(), hex);
}

TEST(Digest, RefusesWhatIsNotExactlyLowerCaseHex) {
  EXPECT_FALSE(GitSha1::parse(std::string(39, 'a')));
  EXPECT_FALSE(GitSha1::parse(std::string(41, 'a')));
  EXPECT_FALSE(GitSha1::parse(std::string(40, 'A')));
  EXPECT_FALSE(GitSha1::parse(std::string(39, 'a') + "\n"));
}

TEST(ContentId, KindFollowsTheLength) {
  EXPECT_EQ(ContentId::parse(std::string(40, '0'))->kind(), ContentId::Kind::git_sha1);
  EXPECT_EQ(ContentId::parse(std::string(64, '0'))->kind(), ContentId::Kind::sha256);
}

TEST(ContentId, NeverHoldsAPathOrAMaskedHash) {
  EXPECT_FALSE(ContentId::parse("../../../../../../../../../../etc/passwd"));
  EXPECT_FALSE(ContentId::parse(std::string(64, '*')));
  EXPECT_FALSE(ContentId::parse(""));
}

}  // namespace
}  // namespace hubd
