// SPDX-License-Identifier: Apache-2.0
#include "daemon/descriptor_ring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hubd::daemon {
namespace {

constexpr int first = 500;  // above what a test has open, below every limit

int opened() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int number) { return fcntl(number, F_GETFD) >= 0; }

TEST(DescriptorRing, ANumberComesBackOnlyAfterTheWholeRange) {
  DescriptorRing ring(first, first + 5);
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 5; ++i) {
      auto const original = opened();
      auto const number = ring.take(original);
      EXPECT_EQ(number, first + i) << "though all before were closed";
      EXPECT_FALSE(is_open(original));
      EXPECT_EQ(fcntl(number, F_GETFD), FD_CLOEXEC);
      ::close(number);
    }
}

TEST(DescriptorRing, NumbersInUseAreLeftOut) {
  DescriptorRing ring(first, first + 3);
  auto const one = ring.take(opened());
  auto const two = ring.take(opened());
  auto const three = ring.take(opened());
  EXPECT_EQ(three, first + 2);
  auto const original = opened();
  EXPECT_EQ(ring.take(original), -1) << "all are taken";
  EXPECT_FALSE(is_open(original));
  ::close(two);
  EXPECT_EQ(ring.take(opened()), two);
  for (int const number : {one, two, three}) ::close(number);
}

TEST(DescriptorRing, TheRangeLiesAboveOrdinaryDescriptors) {
  auto ring = DescriptorRing::make();
  auto const number = ring.take(opened());
  EXPECT_GE(number, 100);
  ::close(number);
}

}  // namespace
}  // namespace hubd::daemon
