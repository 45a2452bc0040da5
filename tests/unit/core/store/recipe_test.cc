// SPDX-License-Identifier: Apache-2.0
#include "core/store/recipe.h"

#include <gtest/gtest.h>

#include "core/xet/hashes.h"
#include "tests/support/sim_file_system.h"

namespace hubd::store {
namespace {

constexpr auto kEtag = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

xet::MerkleHash hash_of(std::string const& text) { return xet::chunk_hash(as_bytes(text)); }

Recipe recipe_of(std::size_t chunks) {
  Recipe recipe{*ContentId::parse(kEtag), hash_of("file"), 0, {}, {}};
  for (std::size_t i = 0; i < chunks; ++i) {
    recipe.chunks.push_back({hash_of("chunk " + std::to_string(i)), static_cast<std::uint32_t>(1000 + i)});
    recipe.size += 1000 + i;
  }
  auto const half = static_cast<std::uint32_t>(chunks / 2);
  if (half > 0) recipe.terms = {{hash_of("xorb a"), 7, 7 + half}, {hash_of("xorb b"), 0, static_cast<std::uint32_t>(chunks) - half}};
  return recipe;
}

TEST(Recipe, ComesBackAsItWasWritten) {
  for (std::size_t const chunks : {0U, 1U, 2U, 1000U}) {
    auto const recipe = recipe_of(chunks);
    auto const bytes = encode_recipe(recipe);
    EXPECT_EQ(bytes.size(), kRecipeHeaderSize + recipe.terms.size() * kRecipeTermSize + chunks * kRecipeChunkSize);
    auto const back = parse_recipe(as_bytes(bytes));
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(back->id, recipe.id);
    EXPECT_EQ(back->file, recipe.file);
    EXPECT_EQ(back->size, recipe.size);
    EXPECT_EQ(back->terms, recipe.terms);
    EXPECT_EQ(back->chunks, recipe.chunks);
  }
}

TEST(Recipe, AnyChangedOrLostByteIsNoticed) {
  auto const bytes = encode_recipe(recipe_of(5));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    auto const parsed = parse_recipe(as_bytes(changed));
    ASSERT_FALSE(parsed) << "byte " << i;
    EXPECT_EQ(parsed.error().kind, ErrorKind::corrupt);
    EXPECT_FALSE(parse_recipe(as_bytes(bytes.substr(0, i)))) << "cut at " << i;
  }
  EXPECT_FALSE(parse_recipe(as_bytes(bytes + "x")));
}

TEST(Recipe, PartsAreReadWithoutTheRest) {
  support::SimFileSystem files;
  auto const recipe = recipe_of(1000);
  files.plant("/r/x.recipe", encode_recipe(recipe));
  auto const file = RecipeFile::open(files, "/r/x.recipe", kEtag);
  ASSERT_TRUE(file) << file.error().what;
  EXPECT_EQ(file->terms(), 2U);
  EXPECT_EQ(file->chunks(), 1000U);
  auto const term = file->term(1);
  ASSERT_TRUE(term);
  EXPECT_EQ(*term, recipe.terms[1]);
  auto const chunks = file->chunks(990, 10);
  ASSERT_TRUE(chunks);
  EXPECT_EQ(*chunks, std::vector<RecipeChunk>(recipe.chunks.end() - 10, recipe.chunks.end()));
  for (auto const& wrong : {file->chunks(991, 10).error(), file->chunks(1001, 0).error(), file->term(2).error()})
    EXPECT_EQ(wrong.kind, ErrorKind::corrupt);
}

TEST(Recipe, AnotherContentsFileIsRefused) {
  support::SimFileSystem files;
  files.plant("/r/x.recipe", encode_recipe(recipe_of(3)));
  auto const other = RecipeFile::open(files, "/r/x.recipe", std::string(64, '0'));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::corrupt);
  EXPECT_EQ(RecipeFile::open(files, "/r/none", kEtag).error().kind, ErrorKind::local_entry_not_found);
}

}  // namespace
}  // namespace hubd::store
