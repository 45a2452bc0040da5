// SPDX-License-Identifier: Apache-2.0
#include "core/base/edit_distance.h"

#include <gtest/gtest.h>

namespace hubd {
namespace {

TEST(EditDistance, CountsAddedDroppedAndChangedBytes) {
  EXPECT_EQ(0U, edit_distance("", ""));
  EXPECT_EQ(3U, edit_distance("", "abc"));
  EXPECT_EQ(3U, edit_distance("abc", ""));
  EXPECT_EQ(0U, edit_distance("revision", "revision"));
  EXPECT_EQ(1U, edit_distance("revison", "revision"));
  EXPECT_EQ(1U, edit_distance("cat", "cut"));
  EXPECT_EQ(2U, edit_distance("downlaod", "download"));
  EXPECT_EQ(3U, edit_distance("kitten", "sitting"));
}

}  // namespace
}  // namespace hubd
