// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>

#include "core/fs/file_system.h"
#include "tests/unit/core/fs/folder.h"

namespace hubd::fs {
namespace {

class FilesTest : public ::testing::Test {
 protected:
  std::unique_ptr<FileSystem> files_ = system_files();
  Folder folder_;
};

TEST_F(FilesTest, AWrittenFileIsWholeAndItsTemporaryGone) {
  for (bool const durable : {false, true}) {
    auto const done = write_file_atomic(*files_, folder_ / "f", folder_ / ".f.tmp", durable ? "second" : "first, longer", 0600, durable);
    ASSERT_TRUE(done) << done.error().what;
    EXPECT_EQ(*read_file(*files_, folder_ / "f"), durable ? "second" : "first, longer");
    EXPECT_EQ(*files_->list(folder_.path()), std::vector<std::string>{"f"});
    EXPECT_EQ(files_->stat(folder_ / "f")->mode, 0600U);
  }
}

TEST_F(FilesTest, ATemporaryLeftByACrashIsReplaced) {
  std::ofstream(folder_ / ".f.tmp") << "torn by a crash, and longer than what is written now";
  auto const done = write_file_atomic(*files_, folder_ / "f", folder_ / ".f.tmp", "new", 0600, true);
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(*read_file(*files_, folder_ / "f"), "new");
}

TEST_F(FilesTest, AFailedWriteLeavesTheOldFileAndNoTemporary) {
  ASSERT_TRUE(files_->make_directories(folder_ / "f/taken"));
  auto const done = write_file_atomic(*files_, folder_ / "f", folder_ / ".f.tmp", "new", 0600, false);
  ASSERT_FALSE(done);
  EXPECT_EQ(*files_->list(folder_.path()), std::vector<std::string>{"f"});
}

TEST_F(FilesTest, ReadingIsBoundedAndToldApart) {
  std::ofstream(folder_ / "f") << std::string(100, 'x');
  EXPECT_EQ(read_file(*files_, folder_ / "f", 100)->size(), 100U);
  EXPECT_EQ(read_file(*files_, folder_ / "f", 99).error().kind, ErrorKind::exhausted);
  EXPECT_EQ(read_file(*files_, folder_ / "absent").error().kind, ErrorKind::local_entry_not_found);
  std::ofstream(folder_ / "empty") << "";
  EXPECT_EQ(*read_file(*files_, folder_ / "empty"), "");
}

TEST_F(FilesTest, AFileWhoseSizeIsUnknownIsReadToItsEnd) {
  auto const text = read_file(*files_, "/proc/self/status");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("VmRSS"), std::string::npos);
  EXPECT_EQ(read_file(*files_, "/proc/self/status", 10).error().kind, ErrorKind::exhausted);
}

}  // namespace
}  // namespace hubd::fs
