// SPDX-License-Identifier: Apache-2.0
#include "core/base/bytes.h"

#include <gtest/gtest.h>

namespace hubd {
namespace {

TEST(Bytes, SizesReadLikeNetworkSizes) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(999), "999 B");
  EXPECT_EQ(human_size(1000), "1.0 kB");
  EXPECT_EQ(human_size(999'949), "999.9 kB");
  EXPECT_EQ(human_size(999'950), "1.0 MB");
  EXPECT_EQ(human_size(1'234'567'890), "1.2 GB");
}

TEST(Bytes, ExtentsEndWhereTheNextBegins) {
  Extent const extent{10, 5};
  EXPECT_EQ(extent.end(), 15U);
}

}  // namespace
}  // namespace hubd
