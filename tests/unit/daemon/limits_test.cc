// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "daemon/limits/budgets.h"
#include "daemon/limits/cgroup.h"

namespace hubd::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto mounts_v2 =
    "22 1 0:20 / /proc rw - proc proc rw\n"
    "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr auto mounts_v1 =
    "31 22 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 22 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
constexpr auto mounts_hybrid =
    "30 22 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    "32 22 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

TEST(Cgroup, Version2LooksAtEveryGroupAround) {
  EXPECT_THAT(memory_limit_files("0::/user.slice/train.scope\n", mounts_v2),
              ElementsAre("/sys/fs/cgroup/user.slice/train.scope/memory.max", "/sys/fs/cgroup/user.slice/memory.max", "/sys/fs/cgroup/memory.max"));
}

TEST(Cgroup, Version1HasAHierarchyOfItsOwn) {
  EXPECT_THAT(memory_limit_files("5:cpu,cpuacct:/other\n4:memory:/slurm/job_7\n", mounts_v1),
              ElementsAre("/sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "/sys/fs/cgroup/memory/slurm/memory.limit_in_bytes",
                          "/sys/fs/cgroup/memory/memory.limit_in_bytes"));
}

TEST(Cgroup, BothVersionsAtOnceAreBothRead) {
  EXPECT_THAT(memory_limit_files("4:memory:/a\n0::/b\n", mounts_hybrid),
              ElementsAre("/sys/fs/cgroup/unified/b/memory.max", "/sys/fs/cgroup/unified/memory.max", "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                          "/sys/fs/cgroup/memory/memory.limit_in_bytes"));
}

TEST(Cgroup, AContainerSeesItsPartAsTheWhole) {
  auto const* const bound = "30 22 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
  EXPECT_THAT(memory_limit_files("0::/docker/abc/inner\n", bound), ElementsAre("/sys/fs/cgroup/inner/memory.max", "/sys/fs/cgroup/memory.max"));
  EXPECT_THAT(memory_limit_files("0::/docker/abc\n", bound), ElementsAre("/sys/fs/cgroup/memory.max"));
  EXPECT_THAT(memory_limit_files("0::/elsewhere\n", bound), ElementsAre("/sys/fs/cgroup/memory.max"));
  EXPECT_THAT(memory_limit_files("0::/../..\n", mounts_v2), ElementsAre("/sys/fs/cgroup/memory.max"));
  EXPECT_THAT(memory_limit_files("0::/docker/abcd\n", bound), ElementsAre("/sys/fs/cgroup/memory.max"));
}

TEST(Cgroup, NamesWithBlanksAndNonsense) {
  EXPECT_THAT(memory_limit_files("0::/\n", "30 22 0:26 / /sys/fs/my\\040groups rw - cgroup2 none rw\n"), ElementsAre("/sys/fs/my groups/memory.max"));
  EXPECT_THAT(memory_limit_files("", mounts_v2), IsEmpty());
  EXPECT_THAT(memory_limit_files("0::/a", ""), IsEmpty());
  EXPECT_THAT(memory_limit_files("garbage\n::::\n7", "- - -\n30 22 - cgroup2\n\\0"), IsEmpty());
}

TEST(Cgroup, WhatIsNoLimit) {
  EXPECT_EQ(parse_memory_limit("536870912\n"), Bytes{536870912});
  EXPECT_FALSE(parse_memory_limit("max\n"));
  EXPECT_FALSE(parse_memory_limit("9223372036854771712\n"));
  EXPECT_FALSE(parse_memory_limit(""));
  EXPECT_FALSE(parse_memory_limit("12x"));
}

TEST(Cgroup, TheSmallestLimitAroundUsCounts) {
  std::map<std::string, std::string> files{{"/proc/self/cgroup", "0::/pod/train\n"},
                                           {"/proc/self/mountinfo", mounts_v2},
                                           {"/sys/fs/cgroup/pod/train/memory.max", "max\n"},
                                           {"/sys/fs/cgroup/pod/memory.max", "1073741824\n"}};
  auto const read = [&](std::string const& path) -> std::optional<std::string> {
    auto const found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  auto const limit = memory_limit(read);
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->bytes, 1_GiB);
  EXPECT_EQ(limit->file, "/sys/fs/cgroup/pod/memory.max");
  files["/sys/fs/cgroup/pod/train/memory.max"] = "300000000";
  EXPECT_EQ(memory_limit(read)->bytes, Bytes{300000000});
  files.erase("/proc/self/cgroup");
  EXPECT_FALSE(memory_limit(read));
}

TEST(Budgets, ADefaultShrinksIntoItsGroupAndAnOperatorsWordHolds) {
  MemoryLimit const small{256_MiB, "/g/memory.max"};
  auto const shrunk = memory_budget(512_MiB, false, small);
  EXPECT_EQ(shrunk.bytes, 128_MiB);
  EXPECT_THAT(shrunk.why, HasSubstr("/g/memory.max"));
  EXPECT_EQ(shrunk.warning, "");
  auto const explicit_one = memory_budget(512_MiB, true, small);
  EXPECT_EQ(explicit_one.bytes, 512_MiB);
  EXPECT_THAT(explicit_one.warning, HasSubstr("memory.max"));
  EXPECT_EQ(memory_budget(150_MiB, true, small).warning, "");
  EXPECT_EQ(memory_budget(512_MiB, false, MemoryLimit{8_GiB, "/g"}).bytes, 512_MiB);
  EXPECT_EQ(memory_budget(512_MiB, false, std::nullopt).why, "memory.max");
  EXPECT_EQ(memory_budget(512_MiB, false, MemoryLimit{1_MiB, "/g"}).bytes, 16_MiB);
}

TEST(Budgets, ConnectionsStayBelowTheDescriptors) {
  auto const plenty = descriptor_budget(65536, 64, 256);
  EXPECT_EQ(plenty.connections, 64U);
  EXPECT_EQ(plenty.connections_of_uid, 256U);
  EXPECT_EQ(plenty.warning, "");
  for (std::uint64_t const few : {0U, 64U, 128U, 256U, 512U}) {
    auto const tight = descriptor_budget(few, 64, 256);
    EXPECT_GE(tight.connections, 1U);
    EXPECT_GE(tight.connections_of_uid, 4U);
    EXPECT_LE(tight.connections, 64U);
    EXPECT_THAT(tight.warning, HasSubstr("RLIMIT_NOFILE"));
    if (few >= 256) {
      EXPECT_LE(96 + 3 * tight.connections + 2 * tight.connections_of_uid, few);
    }
  }
}

}  // namespace
}  // namespace hubd::daemon
