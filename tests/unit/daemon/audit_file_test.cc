// SPDX-License-Identifier: Apache-2.0
#include "daemon/audit_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace hubd::daemon {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

struct Lines final : Log {
  bool enabled(LogLevel) const override { return true; }
  void write(LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

engine::Published sample(std::string path = "model.safetensors") {
  return {Principal{1000},
          "c0ffee-1",
          RepoRef{"https://hub.example", RepoType::model, "acme/model"},
          *Commit::parse(std::string(40, 'a')),
          std::move(path),
          std::string(64, 'b'),
          5000,
          4000,
          engine::Published::Source::xet,
          "/cache/blobs/b"};
}

std::vector<std::string> lines_of(std::string const& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class AuditFileTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hubd-audit-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    path_ = folder_ + "/audit.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
  SystemClock clock_;
  Lines log_;
};

TEST(AuditLine, SaysWhoWhatAndFromWhere) {
  auto const line = audit_line(sample(), WallTime(std::chrono::seconds(784111777)));
  EXPECT_EQ(line, "{\"time\":\"1994-11-06T08:49:37Z\",\"event\":\"publish\",\"uid\":1000,\"call\":\"c0ffee-1\",\"endpoint\":\"https://hub.example\","
                  "\"repo_type\":\"model\",\"repo\":\"acme/model\",\"commit\":\"" + std::string(40, 'a') + "\",\"path\":\"model.safetensors\",\"etag\":\"" +
                  std::string(64, 'b') + "\",\"bytes\":5000,\"bytes_fetched\":4000,\"source\":\"xet\",\"place\":\"/cache/blobs/b\"}");
  EXPECT_THAT(audit_line(sample("a\"b\n.bin"), WallTime{}), HasSubstr("\"path\":\"a\\\"b\\u000a.bin\""));
}

TEST_F(AuditFileTest, RecordsAreAppendedAndOnlyItsOwnerReadsThem) {
  {
    auto const file = AuditFile::open(path_, 1_MiB, clock_, log_);
    ASSERT_TRUE(file);
    (*file)->published(sample("one"));
  }
  auto const file = AuditFile::open(path_, 1_MiB, clock_, log_);
  ASSERT_TRUE(file);
  (*file)->published(sample("two"));
  EXPECT_THAT(lines_of(path_), testing::ElementsAre(HasSubstr("\"path\":\"one\""), HasSubstr("\"path\":\"two\"")));
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

TEST_F(AuditFileTest, ItIsBoundedAndLosesTheOldestOnly) {
  constexpr Bytes size_max = 8192;
  auto const file = AuditFile::open(path_, size_max, clock_, log_);
  ASSERT_TRUE(file);
  for (int i = 0; i < 100; ++i) (*file)->published(sample("file-" + std::to_string(i)));
  EXPECT_LE(std::filesystem::file_size(path_) + std::filesystem::file_size(path_ + ".1"), size_max);
  auto all = lines_of(path_ + ".1");
  for (auto const& line : lines_of(path_)) all.push_back(line);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_THAT(all[i], HasSubstr("\"path\":\"file-" + std::to_string(100 - all.size() + i) + "\""));
  EXPECT_GE(all.size(), 8U);
}

TEST_F(AuditFileTest, WhatCannotBeWrittenIsSaidOnceAndStopsNothing) {
  auto const file = AuditFile::open(path_, 1024, clock_, log_);
  ASSERT_TRUE(file);
  std::filesystem::create_directory(path_ + ".1");  // a rename onto it fails
  for (int i = 0; i < 10; ++i) (*file)->published(sample());
  ASSERT_THAT(log_.lines, SizeIs(1));
  EXPECT_THAT(log_.lines[0], HasSubstr("model.safetensors is not in the audit"));
  EXPECT_FALSE(AuditFile::open(folder_ + "/absent/audit.jsonl", 1024, clock_, log_));
}

}  // namespace
}  // namespace hubd::daemon
