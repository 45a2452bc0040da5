// SPDX-License-Identifier: Apache-2.0
#include "core/cache/trees.h"

#include <algorithm>

#include "tests/unit/core/cache/temp_root.h"

namespace hubd::cache {
namespace {

class Trees : public TempRoot {
 protected:
  static ListedFile regular(std::string path, Bytes size, char digit) {
    ListedFile file;
    file.path = std::move(path);
    file.size = size;
    file.blob_id = std::string(40, digit);
    return file;
  }
  static ListedFile large(std::string path, Bytes size, char digit, char sha, char xet) {
    auto file = regular(std::move(path), size, digit);
    file.lfs_sha256 = std::string(64, sha);
    if (xet != 0) file.xet_hash = std::string(64, xet);
    return file;
  }
  static std::string quoted(char digit, std::size_t count) { return "\"" + std::string(count, digit) + "\""; }
};

TEST_F(Trees, TextIsByteForByteWhatTheStockClientWrites) {
  Listing const listing{regular("config.json", 496, 'a'), regular("quote\"back\\slash\ttab\x7f.txt", 0, 'e'),
                        large("sub/m\u00f6del \U0001F600.bin", 65074, 'b', 'c', 'd'), large("z/lfs.bin", 9, 'f', '1', 0)};
  auto const expected =
      "{\n \"format_version\": 1,\n \"files\": {\n"
      "  \"config.json\": {\n   \"size\": 496,\n   \"blob_id\": " + quoted('a', 40) + "\n  },\n"
      "  \"quote\\\"back\\\\slash\\ttab\\u007f.txt\": {\n   \"size\": 0,\n   \"blob_id\": " + quoted('e', 40) + "\n  },\n"
      "  \"sub/m\\u00f6del \\ud83d\\ude00.bin\": {\n   \"size\": 65074,\n   \"blob_id\": " + quoted('b', 40) +
      ",\n   \"lfs_sha256\": " + quoted('c', 64) + ",\n   \"lfs_size\": 65074,\n   \"xet_hash\": " + quoted('d', 64) + "\n  },\n"
      "  \"z/lfs.bin\": {\n   \"size\": 9,\n   \"blob_id\": " + quoted('f', 40) + ",\n   \"lfs_sha256\": " + quoted('1', 64) +
      ",\n   \"lfs_size\": 9\n  }\n }\n}";
  auto shuffled = listing;
  std::reverse(shuffled.begin(), shuffled.end());
  EXPECT_EQ(encode_tree(shuffled), expected);
  EXPECT_EQ(parse_tree(expected), listing);
  EXPECT_EQ(encode_tree({}), "{\n \"format_version\": 1,\n \"files\": {}\n}");
  EXPECT_EQ(parse_tree(*encode_tree({})), Listing());
}

TEST_F(Trees, AMaskedXetHashIsNeitherWrittenNorRead) {
  auto file = large("a.bin", 5, 'a', 'b', 'c');
  auto text = *encode_tree({file});
  file.xet_hash = std::string(64, '*');
  EXPECT_FALSE(encode_tree({file}));
  text.replace(text.find(std::string(64, 'c')), 64, std::string(64, '*'));
  EXPECT_FALSE(parse_tree(text));
}

TEST_F(Trees, APathThatIsNotUtf8IsNotWritten) {
  for (auto const* path : {"\xff", "\xc3", "\xe2\x82", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "a\x80"})
    EXPECT_FALSE(encode_tree({regular(path, 1, 'a')}));
}

TEST_F(Trees, WhatIsMalformedIsIgnored) {
  auto const good = *encode_tree({regular("a", 1, 'a')});
  ASSERT_TRUE(parse_tree(good));
  auto const with = [&](std::string const& from, std::string const& to) {
    auto text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  EXPECT_FALSE(parse_tree(""));
  EXPECT_FALSE(parse_tree("[]"));
  EXPECT_FALSE(parse_tree(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(parse_tree(good + "x"));
  EXPECT_FALSE(parse_tree(with(": 1,", ": 2,")));
  EXPECT_FALSE(parse_tree(with("\"size\": 1", "\"size\": -1")));
  EXPECT_FALSE(parse_tree(with("\"size\": 1", "\"size\": 1.5")));
  EXPECT_FALSE(parse_tree(with("\"size\": 1", "\"size\": \"1\"")));
  EXPECT_FALSE(parse_tree(with("\"size\": 1", "\"size\": 99999999999999999999")));
  EXPECT_FALSE(parse_tree(with("\"a\"", "\"../a\"")));
  EXPECT_FALSE(parse_tree(with("\"a\"", "\"/etc/passwd\"")));
  EXPECT_FALSE(parse_tree(with("\"a\"", "\"a/../../b\"")));
  EXPECT_FALSE(parse_tree(with("aaaa", "zzzz")));
  EXPECT_FALSE(parse_tree(std::string(100'000, '[')));
}

TEST_F(Trees, AFileIsReadableByItsOwnerOnlyAndReadBack) {
  put("trees/keep", "");
  Listing const listing{regular("a b", 1, 'a')};
  auto const path = at("trees/" + commit('1').hex() + ".json");
  ASSERT_TRUE(write_tree_file(*files_, *random_, path, listing));
  EXPECT_EQ(mode("trees/" + commit('1').hex() + ".json"), 0600U);
  EXPECT_EQ(entries("trees"), 2U);  // no temporary stayed
  EXPECT_EQ(read_tree_file(*files_, path).value(), listing);
  EXPECT_EQ(read_tree_file(*files_, at("trees")).value(), std::nullopt);
  EXPECT_EQ(read_tree_file(*files_, at("absent")).value(), std::nullopt);
}

}  // namespace
}  // namespace hubd::cache
