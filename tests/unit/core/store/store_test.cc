// SPDX-License-Identifier: Apache-2.0
#include "core/store/store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/xet/hashes.h"
#include "tests/support/sim_file_system.h"

namespace hubd::store {
namespace {

xet::MerkleHash hash_of(std::string const& text) { return xet::chunk_hash(as_bytes(text)); }
xet::MerkleHash xorb(char name) { return hash_of(std::string("xorb ") + name); }
RecipeChunk chunk(char name, std::uint32_t index) {
  return {hash_of(std::string(1, name) + std::to_string(index)), 1000 + index + (static_cast<std::uint32_t>(name) << 4U)};
}

struct Run {
  char xorb;
  std::uint32_t first;
  std::uint32_t end;
};

std::string etag(char name) { return std::string(64, name); }

Recipe recipe(char name, std::vector<Run> const& runs) {
  Recipe made{*ContentId::parse(etag(name)), hash_of(std::string("file ") + name), 0, {}, {}};
  for (auto const& run : runs) {
    made.terms.push_back({xorb(run.xorb), run.first, run.end});
    for (auto i = run.first; i < run.end; ++i) {
      made.chunks.push_back(chunk(run.xorb, i));
      made.size += made.chunks.back().length;
    }
  }
  return made;
}

class StoreTest : public ::testing::Test {
 protected:
  void open() {
    auto opened = Store::open(files_, "/state/recipes", ":memory:");
    ASSERT_TRUE(opened) << opened.error().what;
    store_ = std::move(*opened);
  }
  void SetUp() override { open(); }
  void add(Recipe const& made) {
    auto const added = store_->add(made);
    ASSERT_TRUE(added) << added.error().what;
  }
  /// "a 2-5@1234" per run that is found.
  std::vector<std::string> find(char name, std::uint32_t first, std::uint32_t end) {
    auto const found = store_->find(xorb(name), first, end);
    std::vector<std::string> lines;
    if (!found) return {found.error().what};
    for (auto const& run : *found) {
      EXPECT_EQ(run.chunks.size(), run.end - run.first);
      for (auto i = run.first; i < run.end; ++i) EXPECT_EQ(run.chunks[i - run.first], chunk(name, i));
      lines.push_back(std::string(1, run.etag[0]) + " " + std::to_string(run.first) + "-" + std::to_string(run.end) + "@" + std::to_string(run.offset));
    }
    return lines;
  }
  static Bytes size_of(char name, std::uint32_t first, std::uint32_t end) {
    Bytes size = 0;
    for (auto i = first; i < end; ++i) size += chunk(name, i).length;
    return size;
  }
  using Lines = std::vector<std::string>;

  support::SimFileSystem files_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, ChunksAreFoundByTheirPlaceInAXorb) {
  add(recipe('a', {{'x', 0, 10}, {'y', 5, 9}, {'x', 20, 30}}));
  EXPECT_EQ(find('x', 0, 10), Lines{"a 0-10@0"});
  EXPECT_EQ(find('x', 3, 5), Lines{"a 3-5@" + std::to_string(size_of('x', 0, 3))});
  EXPECT_EQ(find('y', 0, 100), Lines{"a 5-9@" + std::to_string(size_of('x', 0, 10))});
  auto const second = std::to_string(size_of('x', 0, 10) + size_of('y', 5, 9));
  EXPECT_EQ(find('x', 5, 25), (Lines{"a 5-10@" + std::to_string(size_of('x', 0, 5)), "a 20-25@" + second}));
  EXPECT_EQ(find('x', 10, 20), Lines{});
  EXPECT_EQ(find('z', 0, 10), Lines{});
}

TEST_F(StoreTest, SeveralContentsCompleteEachOtherWithoutOverlap) {
  add(recipe('a', {{'x', 0, 10}}));
  add(recipe('b', {{'x', 5, 30}}));
  EXPECT_EQ(find('x', 0, 40), (Lines{"a 0-5@0", "b 5-30@0"}));
}

TEST_F(StoreTest, WhatIsForgottenIsGoneAndComesBackWhenAddedAgain) {
  add(recipe('a', {{'x', 0, 10}}));
  ASSERT_TRUE(store_->forget(etag('a')));
  EXPECT_EQ(find('x', 0, 10), Lines{});
  EXPECT_FALSE(store_->has(etag('a')));
  add(recipe('a', {{'x', 2, 4}}));
  EXPECT_EQ(find('x', 0, 10), Lines{"a 2-4@0"});
  add(recipe('a', {{'y', 2, 4}}));  // replaces it
  EXPECT_EQ(find('x', 0, 10), Lines{});
  auto const totals = store_->totals();
  ASSERT_TRUE(totals);
  EXPECT_EQ(totals->contents, 1U);
  EXPECT_EQ(totals->chunks, 2U);
}

TEST_F(StoreTest, ALostIndexIsMadeAnewFromTheRecipes) {
  add(recipe('a', {{'x', 0, 10}}));
  add(recipe('b', {{'y', 0, 3}}));
  files_.plant("/state/recipes/cc/" + etag('c') + ".recipe", "damaged");
  files_.plant("/state/recipes/README", "not ours");
  open();  // ":memory:" begins empty
  EXPECT_EQ(find('x', 0, 10), Lines{"a 0-10@0"});
  EXPECT_EQ(find('y', 0, 10), Lines{"b 0-3@0"});
  EXPECT_FALSE(store_->has(etag('c'))) << "what is damaged is of no use";
  EXPECT_EQ(files_.content("/state/recipes/README"), "not ours");
}

TEST_F(StoreTest, WhatOneSideLostIsMadeGoodWhenItIsOpened) {
  store_.reset();
  auto const database = ::testing::TempDir() + "store_test_chunks.db";
  for (auto const* const suffix : {"", "-wal", "-shm"}) std::filesystem::remove(database + suffix);
  auto const open_there = [&] {
    auto opened = Store::open(files_, "/state/recipes", database);
    ASSERT_TRUE(opened) << opened.error().what;
    store_ = std::move(*opened);
  };
  open_there();
  add(recipe('a', {{'x', 0, 10}}));
  add(recipe('b', {{'y', 0, 3}}));
  store_.reset();
  ASSERT_TRUE(files_.remove("/state/recipes/aa/" + etag('a') + ".recipe"));
  files_.plant("/state/recipes/cc/" + etag('c') + ".recipe", encode_recipe(recipe('c', {{'z', 0, 5}})));
  open_there();
  EXPECT_EQ(find('x', 0, 10), Lines{});
  EXPECT_EQ(find('y', 0, 10), Lines{"b 0-3@0"});
  EXPECT_EQ(find('z', 0, 10), Lines{"c 0-5@0"}) << "an index that lacks it is no reason to lose it";
  EXPECT_EQ(store_->totals()->contents, 2U);
  EXPECT_EQ(store_->totals()->index_bytes, 0U) << "these files are a fake's";
  store_.reset();
  for (auto const* const suffix : {"", "-wal", "-shm"}) std::filesystem::remove(database + suffix);
}

TEST_F(StoreTest, TheIndexIsDroppedAndMadeAnewWhileContentsComeAndGo) {
  add(recipe('a', {{'x', 0, 10}}));
  add(recipe('b', {{'y', 0, 3}}));
  auto const etags = store_->etags();
  ASSERT_TRUE(etags);
  EXPECT_EQ(*etags, (std::vector<std::string>{etag('a'), etag('b')}));
  ASSERT_TRUE(store_->drop_index());
  EXPECT_EQ(find('x', 0, 10), Lines{});
  add(recipe('c', {{'z', 0, 5}}));
  ASSERT_TRUE(store_->forget(etag('b')));
  files_.plant("/state/recipes/dd/" + etag('d') + ".recipe", "damaged");
  EXPECT_EQ(*store_->index_again(etag('a')), 10U);
  EXPECT_EQ(store_->index_again(etag('b')).error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(store_->index_again(etag('d')).error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(find('x', 0, 10), Lines{"a 0-10@0"});
  EXPECT_EQ(find('y', 0, 10), Lines{});
  EXPECT_EQ(find('z', 0, 10), Lines{"c 0-5@0"});
  EXPECT_FALSE(store_->has(etag('d')));
}

TEST_F(StoreTest, TotalsTellChunksThatDiffer) {
  add(recipe('a', {{'x', 0, 10}}));
  add(recipe('b', {{'x', 5, 30}}));
  auto const totals = store_->totals();
  ASSERT_TRUE(totals);
  EXPECT_EQ(totals->chunks, 35U);
  EXPECT_EQ(totals->distinct, 30U);
  EXPECT_FALSE(totals->estimated);
  EXPECT_EQ(*store_->size(etag('a')), recipe('a', {{'x', 0, 10}}).size);
  EXPECT_TRUE(store_->names_terms(etag('a')));
  auto unnamed = recipe('c', {{'z', 0, 5}});
  unnamed.terms.clear();
  add(unnamed);
  EXPECT_FALSE(store_->names_terms(etag('c')));
}

TEST_F(StoreTest, AHitThatItsRecipeDoesNotConfirmIsForgotten) {
  add(recipe('a', {{'x', 0, 10}}));
  auto const path = "/state/recipes/aa/" + etag('a') + ".recipe";
  files_.plant(path, encode_recipe(recipe('a', {{'x', 1, 11}})));
  EXPECT_EQ(find('x', 0, 10), Lines{});
  EXPECT_FALSE(store_->has(etag('a')));
  add(recipe('a', {{'x', 0, 10}}));
  ASSERT_TRUE(files_.remove(path));
  EXPECT_EQ(find('x', 0, 10), Lines{});
}

TEST_F(StoreTest, ContentsThatStandNowhereAreCollected) {
  add(recipe('a', {{'x', 0, 10}}));
  add(recipe('b', {{'x', 0, 4}}));
  auto const gone = store_->collect([](std::string const& one) { return one == etag('b'); });
  ASSERT_TRUE(gone);
  EXPECT_EQ(*gone, 1U);
  EXPECT_EQ(find('x', 0, 10), Lines{"b 0-4@0"});
}

TEST_F(StoreTest, AFullDiskLeavesNothingHalfKnown) {
  files_.fail_operation(1, support::SimFileSystem::Operation::write, ErrorKind::disk_full);
  auto const added = store_->add(recipe('a', {{'x', 0, 10}}));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::disk_full);
  EXPECT_EQ(find('x', 0, 10), Lines{});
  EXPECT_FALSE(store_->has(etag('a')));
}

TEST(ChunkIndex, SamplesTellHowManyChunksDiffer) {
  support::SimFileSystem files;
  auto const index = ChunkIndex::open(files, ":memory:");
  ASSERT_TRUE(index);
  ASSERT_TRUE((*index)->add(recipe('a', {{'x', 0, 4000}})));
  ASSERT_TRUE((*index)->add(recipe('b', {{'x', 2000, 6000}})));
  auto const samples = (*index)->distinct_samples();
  ASSERT_TRUE(samples);
  EXPECT_NEAR(static_cast<double>(*samples * ChunkIndex::kSampledOneIn), 6000.0, 600.0);
  ASSERT_TRUE((*index)->remove(etag('b')));
  EXPECT_LT(*(*index)->distinct_samples(), *samples) << "what is gone does not count";
}

TEST(ChunkIndex, SampledChunksAreFoundByHash) {
  support::SimFileSystem files;
  auto const index = ChunkIndex::open(files, ":memory:");
  ASSERT_TRUE(index);
  auto const made = recipe('a', {{'x', 0, 400}});
  ASSERT_TRUE((*index)->add(made));
  std::size_t sampled = 0;
  for (std::uint32_t i = 0; i < made.chunks.size(); ++i) {
    auto const places = (*index)->places(made.chunks[i].hash);
    ASSERT_TRUE(places);
    if (!ChunkIndex::is_sampled(made.chunks[i].hash)) {
      EXPECT_TRUE(places->empty());
      continue;
    }
    ++sampled;
    ASSERT_EQ(places->size(), 1U);
    EXPECT_EQ(places->front().etag, etag('a'));
    EXPECT_EQ(places->front().ordinal, i);
  }
  EXPECT_GT(sampled, 20U);
  EXPECT_LT(sampled, 100U);
  ASSERT_TRUE((*index)->remove(etag('a')));
  ASSERT_TRUE((*index)->tidy());
  for (auto const& one : made.chunks) EXPECT_TRUE((*index)->places(one.hash)->empty());
}

}  // namespace
}  // namespace hubd::store
