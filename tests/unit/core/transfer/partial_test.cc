// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/partial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

#include "core/transfer/map_format.h"
#include "tests/support/sim_file_system.h"

namespace hubd::transfer {
namespace {

using support::SimFileSystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Operation = SimFileSystem::Operation;

constexpr char const* kFolder = "/state/partials";
constexpr Bytes kSize = 1_MiB;

std::string text_of(Bytes size) {
  std::string text(static_cast<std::size_t>(size), '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 131 + i / 251);
  return text;
}

class PartialTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  /// A new process: the files as they are, a fresh frontier.
  void open() {
    partial_.reset();
    frontier_ = std::make_unique<hash::ContentHasher>(id_, text_.size());
    auto opened = Partial::open(files_, kFolder, id_, text_.size(), &*frontier_);
    ASSERT_TRUE(opened) << opened.error().what;
    partial_ = std::move(*opened);
  }
  Result<void> write(Bytes offset, Bytes length) { return partial_->write(offset, part(offset, length)); }
  [[nodiscard]] std::span<std::byte const> part(Bytes offset, Bytes length) const {
    return as_bytes(text_).subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
  }
  [[nodiscard]] std::string map_path() const { return std::string(kFolder) + "/" + id_.etag() + ".map"; }
  /// As a broken disk would: not through hubd.
  void damage(std::string const& path, Bytes offset) {
    auto const file = files_.open(path, fs::OpenMode::read_write);
    ASSERT_TRUE(file);
    std::array<std::byte, 1> byte{};
    ASSERT_EQ(*(*file)->read_at(offset, byte), 1U);
    byte[0] ^= std::byte{1};
    ASSERT_TRUE((*file)->write_at(offset, byte));
  }
  [[nodiscard]] std::string digest_of(Bytes length) const { return hash::sha256(part(0, length)).hex(); }

  SimFileSystem files_;
  std::string text_ = text_of(kSize);
  ContentId id_ = *ContentId::parse(hash::sha256(as_bytes(text_)).hex());
  std::unique_ptr<hash::ContentHasher> frontier_;
  std::unique_ptr<Partial> partial_;
};

TEST_F(PartialTest, BeginsEmptyAndPrivate) {
  EXPECT_THAT(partial_->present(), IsEmpty());
  EXPECT_THAT(partial_->missing(kSize), ElementsAre(Extent{0, kSize}));
  EXPECT_EQ(frontier_->fed(), 0U);
  EXPECT_EQ(partial_->path(), std::string(kFolder) + "/" + id_.etag() + ".partial");
  EXPECT_EQ(files_.stat(partial_->path())->mode, 0600U);
  EXPECT_EQ(files_.stat(map_path())->mode, 0600U);
  EXPECT_EQ(files_.stat(kFolder)->mode, 0700U);
}

TEST_F(PartialTest, KeepsWhatWasWrittenAcrossProcesses) {
  ASSERT_TRUE(write(0, 1000));
  ASSERT_TRUE(write(5000, 1000));
  ASSERT_TRUE(write(1000, 500));
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 1500}, Extent{5000, 1000}));
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 1500}, Extent{5000, 1000}));
  EXPECT_EQ(partial_->present_bytes(), 2500U);
  auto const missing = partial_->missing(2000);
  ASSERT_GE(missing.size(), 3U);
  EXPECT_THAT(std::span(missing).first(3), ElementsAre(Extent{1500, 2000}, Extent{3500, 1500}, Extent{6000, 2000}));
}

TEST_F(PartialTest, FeedsTheFrontierWithWhatLeadsFromZero) {
  ASSERT_TRUE(write(700, 300));
  ASSERT_TRUE(write(0, 700));
  ASSERT_TRUE(write(500, 700));  // overlaps both
  ASSERT_TRUE(write(2000, 100));
  open();
  EXPECT_EQ(frontier_->fed(), 1200U);
  EXPECT_EQ(frontier_->finish(), digest_of(1200));
}

TEST_F(PartialTest, AWholeFileHashesToItsNameWithoutAnotherRead) {
  for (Bytes at = 0; at < kSize; at += 100'000) ASSERT_TRUE(write(at, std::min<Bytes>(100'000, kSize - at)));
  open();
  EXPECT_THAT(partial_->missing(1), IsEmpty());
  EXPECT_EQ(frontier_->finish(), id_.etag());
}

TEST_F(PartialTest, ReadsBackWhatWasWritten) {
  ASSERT_TRUE(write(300, 100));
  std::vector<std::byte> bytes(100);
  auto const count = partial_->read(300, bytes);
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 100U);
  EXPECT_TRUE(std::ranges::equal(bytes, part(300, 100)));
}

TEST_F(PartialTest, BytesThatChangedOnDiskAreForgottenAndTheOthersStay) {
  ASSERT_TRUE(write(0, 1000));
  ASSERT_TRUE(write(1000, 1000));
  ASSERT_TRUE(write(2000, 1000));
  damage(partial_->path(), 1500);
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 1000}, Extent{2000, 1000}));
  EXPECT_EQ(frontier_->finish(), digest_of(1000));
  EXPECT_EQ(files_.stat(map_path())->size, kMapHeaderSize + 2 * kMapRecordSize) << "the map is compact again";
  ASSERT_TRUE(write(1000, 1000));
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 3000}));
}

TEST_F(PartialTest, OfTwoClaimsForOnePlaceTheTrueOneCounts) {
  std::string const wrong(1000, '?');
  ASSERT_TRUE(partial_->write(0, as_bytes(wrong)));
  ASSERT_TRUE(write(0, 1000));
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 1000}));
  EXPECT_EQ(frontier_->finish(), digest_of(1000));
}

TEST_F(PartialTest, ALaterClaimThatIsNotTrueTakesNothingAway) {
  ASSERT_TRUE(write(0, 1000));
  auto const map = files_.open(map_path(), fs::OpenMode::read_write);
  auto const lie = encode_map_record({{500, 1000}, hash::blake3(as_bytes("never written"))});
  ASSERT_TRUE((*map)->write_at(kMapHeaderSize + kMapRecordSize, lie));
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 1000}));
}

TEST_F(PartialTest, ADamagedRecordCostsItsBytesOnly) {
  for (Bytes at = 0; at < 5000; at += 1000) ASSERT_TRUE(write(at, 1000));
  damage(map_path(), kMapHeaderSize + 2 * kMapRecordSize + 3);
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 2000}, Extent{3000, 2000}));
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 2000}, Extent{3000, 2000}));
}

TEST_F(PartialTest, ATornMapIsCutAndGoesOn) {
  ASSERT_TRUE(write(0, 1000));
  ASSERT_TRUE(write(1000, 1000));
  {
    auto const map = files_.open(map_path(), fs::OpenMode::read_write);
    ASSERT_TRUE((*map)->truncate(kMapHeaderSize + kMapRecordSize + 10));
  }
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 1000}));
  ASSERT_TRUE(write(1000, 500));
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 1500}));
}

TEST_F(PartialTest, AMapOfAnotherSizeOrContentBeginsAnew) {
  ASSERT_TRUE(write(0, 1000));
  hash::ContentHasher longer(id_, kSize + 1);
  auto opened = Partial::open(files_, kFolder, id_, kSize + 1, &longer);
  ASSERT_TRUE(opened);
  EXPECT_THAT((*opened)->present(), IsEmpty());
  EXPECT_EQ(files_.stat((*opened)->path())->size, 0U) << "unclaimed bytes keep no space";
  ASSERT_TRUE((*opened)->write(0, part(0, 1000)));

  auto const other = *ContentId::parse(std::string(64, '0'));
  ASSERT_TRUE(files_.rename(map_path(), std::string(kFolder) + "/" + other.etag() + ".map"));
  ASSERT_TRUE(files_.rename(partial_->path(), std::string(kFolder) + "/" + other.etag() + ".partial"));
  hash::ContentHasher third(other, kSize + 1);
  opened = Partial::open(files_, kFolder, other, kSize + 1, &third);
  ASSERT_TRUE(opened);
  EXPECT_THAT((*opened)->present(), IsEmpty());
}

TEST_F(PartialTest, AMapWithoutItsBytesClaimsNothing) {
  ASSERT_TRUE(write(0, 1000));
  ASSERT_TRUE(files_.rename(partial_->path(), "/state/published"));
  open();
  EXPECT_THAT(partial_->present(), IsEmpty());
  EXPECT_EQ(files_.content("/state/published"), text_.substr(0, 1000)) << "what was renamed away is left alone";
}

TEST_F(PartialTest, NeverFollowsALink) {
  partial_.reset();
  ASSERT_TRUE(Partial::remove(files_, kFolder, id_.etag()));
  files_.plant("/home/important", "important");
  ASSERT_TRUE(files_.symlink("/home/important", std::string(kFolder) + "/" + id_.etag() + ".partial"));
  hash::ContentHasher frontier(id_, kSize);
  auto const refused = Partial::open(files_, kFolder, id_, kSize, &frontier);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::io);
  EXPECT_EQ(files_.content("/home/important"), "important");
}

TEST_F(PartialTest, AFailedWriteCountsAsNotWritten) {
  ASSERT_TRUE(write(0, 4096));
  files_.fail_operation(1, Operation::write, ErrorKind::disk_full);
  auto const refused = write(1024, 1024);  // over bytes that were there
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::disk_full);
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 1024}, Extent{2048, 2048}));

  files_.fail_operation(2, Operation::write, ErrorKind::io);  // the record, not the bytes
  EXPECT_FALSE(write(8192, 1024));
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 1024}, Extent{2048, 2048}));
  ASSERT_TRUE(write(8192, 1024));
  ASSERT_TRUE(write(1024, 1024));
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, 4096}, Extent{8192, 1024}));
}

TEST_F(PartialTest, AReservedFileHasItsSpace) {
  files_.set_capacity(files_.used() + kSize / 2);
  auto const refused = partial_->reserve();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::disk_full);
  files_.set_capacity(files_.used() + kSize + 4096);
  ASSERT_TRUE(partial_->reserve());
  EXPECT_EQ(files_.stat(partial_->path())->size, 0U);
  EXPECT_GE(files_.stat(partial_->path())->allocated, kSize);
  files_.set_capacity(files_.used() + 4096);
  EXPECT_TRUE(write(0, kSize));
}

TEST_F(PartialTest, ResetForgetsEveryByteAlsoForTheNextProcess) {
  for (Bytes at = 0; at < 5000; at += 1000) ASSERT_TRUE(write(at, 1000));
  ASSERT_TRUE(partial_->reset());
  EXPECT_THAT(partial_->present(), IsEmpty());
  ASSERT_TRUE(write(100, 100));
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{100, 100}));
}

TEST_F(PartialTest, DiscardLeavesNothing) {
  ASSERT_TRUE(write(0, 100));
  ASSERT_TRUE(files_.rename(partial_->path(), "/state/published"));
  ASSERT_TRUE(partial_->discard());
  EXPECT_THAT(*files_.list(kFolder), IsEmpty());
  open();
  ASSERT_TRUE(write(0, 100));
  ASSERT_TRUE(partial_->discard());
  EXPECT_THAT(*files_.list(kFolder), IsEmpty());
}

TEST_F(PartialTest, ListsPairsAndHalvesButNoStrangers) {
  ASSERT_TRUE(write(0, 5000));
  std::string const small(40, 'b');
  files_.plant(std::string(kFolder) + "/" + small + ".map", "torn");
  files_.plant(std::string(kFolder) + "/" + std::string(64, 'c') + ".other", "x");
  files_.plant(std::string(kFolder) + "/README", "x");
  files_.plant(std::string(kFolder) + "/abc.partial", "x");
  auto const entries = Partial::list(files_, kFolder);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  auto const& pair = (*entries)[0].etag == small ? (*entries)[1] : (*entries)[0];
  EXPECT_EQ(pair.etag, id_.etag());
  EXPECT_EQ(pair.allocated, Bytes{3 * 4096}) << "two pages of bytes, one of map";
  EXPECT_EQ(pair.mtime_ns, std::max(files_.stat(map_path())->mtime_ns, files_.stat(partial_->path())->mtime_ns));
  EXPECT_TRUE(Partial::remove(files_, kFolder, small));
  EXPECT_EQ(Partial::list(files_, kFolder)->size(), 1U);
  EXPECT_THAT(*Partial::list(files_, "/state/absent"), IsEmpty());
}

TEST_F(PartialTest, RemoveTakesOnlyNamesOfContent) {
  files_.plant("/state/secret.map", "x");
  auto const refused = Partial::remove(files_, kFolder, "../secret");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::bad_request);
  EXPECT_EQ(files_.content("/state/secret.map"), "x");
}

TEST_F(PartialTest, ClaimedTellsWhatAPlanMayCountOn) {
  ASSERT_TRUE(write(0, 1000));
  ASSERT_TRUE(write(500, 1000));
  ASSERT_TRUE(write(9000, 1000));
  EXPECT_EQ(Partial::claimed(files_, kFolder, id_.etag(), kSize), 2500U);
  EXPECT_EQ(Partial::claimed(files_, kFolder, id_.etag(), kSize + 1), 0U);
  EXPECT_EQ(Partial::claimed(files_, kFolder, std::string(64, '0'), kSize), 0U);
  ASSERT_TRUE(files_.rename(partial_->path(), "/state/published"));
  EXPECT_EQ(Partial::claimed(files_, kFolder, id_.etag(), kSize), 0U);
}

TEST_F(PartialTest, ManyThreadsWriteAtOnce) {
  constexpr Bytes kPiece = 4096;
  std::vector<std::thread> threads;
  for (Bytes worker = 0; worker < 4; ++worker) {
    threads.emplace_back([this, worker] {
      for (Bytes at = worker * kPiece; at < kSize; at += 4 * kPiece) EXPECT_TRUE(write(at, kPiece));
    });
  }
  for (auto& thread : threads) thread.join();
  open();
  EXPECT_THAT(partial_->present(), ElementsAre(Extent{0, kSize}));
  EXPECT_EQ(frontier_->finish(), id_.etag());
}

TEST(Partial, AWriteOfAnySizeIsNotedInPiecesThatRecoveryCanHold) {
  SimFileSystem files;
  auto const text = text_of(2 * kMapRecordLengthMax + 17);
  auto const id = *ContentId::parse(hash::git_blob_sha1(as_bytes(text)).hex());
  {
    hash::ContentHasher frontier(id, text.size());
    auto const partial = Partial::open(files, kFolder, id, text.size(), &frontier);
    ASSERT_TRUE(partial);
    ASSERT_TRUE((*partial)->write(0, as_bytes(text)));
  }
  hash::ContentHasher frontier(id, text.size());
  auto const partial = Partial::open(files, kFolder, id, text.size(), &frontier);
  ASSERT_TRUE(partial);
  EXPECT_EQ(frontier.fed(), text.size());
  EXPECT_EQ(frontier.finish(), id.etag());
  EXPECT_EQ(files.stat(std::string(kFolder) + "/" + id.etag() + ".map")->size, kMapHeaderSize + 3 * kMapRecordSize);
}

TEST(Partial, AnEmptyFileIsWholeFromTheBeginning) {
  SimFileSystem files;
  auto const id = *ContentId::parse(hash::git_blob_sha1({}).hex());
  for (int round = 0; round < 2; ++round) {
    hash::ContentHasher frontier(id, 0);
    auto const partial = Partial::open(files, kFolder, id, 0, &frontier);
    ASSERT_TRUE(partial);
    EXPECT_THAT((*partial)->missing(1), IsEmpty());
    EXPECT_TRUE((*partial)->reserve());
    EXPECT_EQ(frontier.finish(), id.etag());
  }
}

// Reading every lie would take a thousand times the file; what is claimed after the limit is fetched again instead.
TEST(Partial, AMapThatClaimsAThousandTimesTheFileIsReadOnlySoFar) {
  SimFileSystem files;
  auto const text = text_of(64_KiB);
  auto const id = *ContentId::parse(hash::sha256(as_bytes(text)).hex());
  auto const path = std::string(kFolder) + "/" + id.etag();
  files.plant(path + ".partial", text);
  auto const header = encode_map_header(id, text.size());
  std::string map(as_text(header));
  for (Bytes i = 0; i < 60'000; ++i) {
    auto const record = encode_map_record({{i, 4096}, hash::blake3(as_bytes("lie"))});
    map += as_text(record);
  }
  auto const late_truth = encode_map_record({{60'000, 1000}, hash::blake3(as_bytes(text).subspan(60'000, 1000))});
  map += as_text(late_truth);
  files.plant(path + ".map", map);
  hash::ContentHasher frontier(id, text.size());
  auto const partial = Partial::open(files, kFolder, id, text.size(), &frontier);
  ASSERT_TRUE(partial);
  EXPECT_THAT((*partial)->present(), IsEmpty());
  EXPECT_EQ(files.stat(path + ".map")->size, kMapHeaderSize);
}

}  // namespace
}  // namespace hubd::transfer
