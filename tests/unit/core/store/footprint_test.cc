// SPDX-License-Identifier: Apache-2.0
// What the chunk store costs on disk and what it finds, at 100,000 chunks. Larger: tests/bench/store_bench.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>

#include "core/store/store.h"
#include "tests/support/generated_contents.h"

namespace hubd::store {
namespace {

constexpr std::uint64_t kChunks = 100'000;
constexpr std::uint64_t kBytesPerChunkMax = 96;  // docs/disk-format.md; the measured value is half of it

class StoreFootprint : public ::testing::Test {
 protected:
  void SetUp() override {
    auto name = testing::TempDir() + "hubd-footprint-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    open();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    auto opened = Store::open(*files_, folder_ + "/recipes", database());
    ASSERT_TRUE(opened) << opened.error().what;
    store_ = std::move(*opened);
  }
  [[nodiscard]] std::string database() const { return folder_ + "/chunks.db"; }

  void each(std::function<void(Recipe const&)> const& visit) const {
    std::uint64_t number = 0;
    for (std::uint64_t chunks = 0; chunks < kChunks;) {
      auto const recipe = generated_.content(number++, kChunks - chunks);
      chunks += recipe.chunks.size();
      visit(recipe);
    }
  }
  void fill() {
    each([this](Recipe const& recipe) {
      auto const added = store_->add(recipe);
      ASSERT_TRUE(added) << added.error().what;
    });
  }
  /// As the disk counts it, folders aside.
  [[nodiscard]] Bytes allocated() const {
    Bytes sum = 0;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      auto const stat = files_->lstat(entry.path());
      if (stat && stat->type == fs::Stat::Type::regular) sum += stat->allocated;
    }
    return sum;
  }
  /// Every chunk that was put in is found at its place of its xorb, by its own hash.
  void expect_all_found() {
    each([this](Recipe const& recipe) {
      for (auto const& term : recipe.terms) {
        auto const runs = store_->find(term.xorb, term.first, term.end);
        ASSERT_TRUE(runs) << runs.error().what;
        auto next = term.first;
        for (auto const& run : *runs) {
          ASSERT_EQ(run.first, next);
          for (; next < run.end; ++next) {
            ASSERT_EQ(run.chunks[next - run.first], support::GeneratedContents::chunk(term.xorb, next));
          }
        }
        ASSERT_EQ(next, term.end) << recipe.id.etag();
      }
    });
  }

  std::unique_ptr<fs::FileSystem> files_ = fs::system_files();
  support::GeneratedContents generated_;
  std::string folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreFootprint, RecipesAndIndexTakeFewBytesPerChunkAndFindEveryChunk) {
  fill();
  expect_all_found();
  store_.reset();  // the log is folded into the database
  EXPECT_LE(allocated() / kChunks, kBytesPerChunkMax);
  EXPECT_GE(allocated() / kChunks, kRecipeChunkSize) << "counted too little";
}

TEST_F(StoreFootprint, ALostIndexIsMadeAnewFromTheRecipes) {
  fill();
  store_.reset();
  for (char const* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(database() + suffix);
  open();
  expect_all_found();
  EXPECT_EQ(store_->totals()->chunks, kChunks);
}

TEST_F(StoreFootprint, WhatWasCollectedMakesRoomForWhatComes) {
  fill();
  store_.reset();
  auto const before = files_->lstat(database())->size;
  open();
  auto const gone = store_->collect([](std::string const&) { return false; });
  ASSERT_TRUE(gone) << gone.error().what;
  EXPECT_EQ(store_->totals()->chunks, 0U);
  fill();
  store_.reset();
  EXPECT_LE(files_->lstat(database())->size, before + before / 20);
}

}  // namespace
}  // namespace hubd::store
