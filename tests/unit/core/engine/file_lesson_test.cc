// SPDX-License-Identifier: Apache-2.0
#include "core/engine/file_lesson.h"

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/xet/hashes.h"
#include "tests/support/sim_file_system.h"

namespace hubd::engine {
namespace {

std::string const path = "/data/weights.bin";

std::string noise(std::size_t size) {
  auto const random = seeded_random(7);
  std::string text;
  while (text.size() < size) text += random->hex(64);
  text.resize(size);
  return text;
}

class FileLessonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto ledger = Ledger::open(files_, ":memory:");
    ASSERT_TRUE(ledger);
    ledger_ = std::move(*ledger);
    auto store = store::Store::open(files_, "/state/recipes", ":memory:");
    ASSERT_TRUE(store);
    store_ = std::move(*store);
  }
  Result<FileLesson::Learned> learn(Bytes step) {
    auto lesson = FileLesson::open(files_, path);
    if (!lesson) return lesson.error();
    while (true) {
      auto const count = (*lesson)->read(step);
      if (!count) return count.error();
      if (*count == 0) break;
    }
    return (*lesson)->finish(*ledger_, *store_);
  }
  support::SimFileSystem files_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(FileLessonTest, AFilesRecipeAndPlaceAreKnownHoweverItIsRead) {
  auto const text = noise(3'000'000);
  files_.plant(path, text);
  auto const etag = hash::sha256(as_bytes(text)).hex();
  auto const learned = learn(1);
  ASSERT_TRUE(learned) << learned.error().what;
  EXPECT_EQ(learned->sha256, etag);
  auto const recipe = store_->read(etag);
  ASSERT_TRUE(recipe);
  EXPECT_EQ(recipe->chunks.size(), learned->chunks);
  EXPECT_EQ(recipe->file.text(), learned->xet);
  EXPECT_TRUE(recipe->terms.empty()) << "bytes do not say where the Hub keeps them";
  Bytes at = 0;
  for (auto const& chunk : recipe->chunks) {
    EXPECT_EQ(xet::chunk_hash(as_bytes(text).subspan(at, chunk.length)), chunk.hash);
    at += chunk.length;
  }
  EXPECT_EQ(at, text.size());
  EXPECT_EQ(ledger_->holders(etag), std::vector<std::string>{path});
  EXPECT_EQ(ledger_->content_of(*files_.stat(path)), etag);
}

TEST_F(FileLessonTest, WhatTheXetRouteTaughtStays) {
  auto const text = noise(1'500'000);
  files_.plant(path, text);
  ASSERT_TRUE(learn(1_MiB));
  auto const etag = hash::sha256(as_bytes(text)).hex();
  auto recipe = *store_->read(etag);
  recipe.terms.push_back({recipe.file, 0, static_cast<std::uint32_t>(recipe.chunks.size())});
  ASSERT_TRUE(store_->add(recipe));
  ASSERT_TRUE(learn(1_MiB));
  EXPECT_TRUE(store_->names_terms(etag));
}

TEST_F(FileLessonTest, AFileThatChangesMeanwhileTeachesNothing) {
  files_.plant(path, noise(1'500'000));
  auto lesson = FileLesson::open(files_, path);
  ASSERT_TRUE(lesson);
  ASSERT_TRUE((*lesson)->read(1_MiB));
  auto file = files_.open(path, fs::OpenMode::read_write);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write_at(1'500'000, as_bytes(std::string("more"))));
  ASSERT_TRUE((*lesson)->read(4_MiB));
  auto const learned = (*lesson)->finish(*ledger_, *store_);
  ASSERT_FALSE(learned);
  EXPECT_EQ(learned.error().kind, ErrorKind::busy);
  EXPECT_TRUE(store_->etags()->empty());
}

TEST_F(FileLessonTest, LinksAndFoldersAreNoFiles) {
  files_.plant("/data/real", "text");
  ASSERT_TRUE(files_.symlink("/data/real", path));
  EXPECT_FALSE(FileLesson::open(files_, path));
  EXPECT_FALSE(FileLesson::open(files_, "/data"));
}

}  // namespace
}  // namespace hubd::engine
