// SPDX-License-Identifier: Apache-2.0
#include "client/cli/cache_filter.h"

#include <gtest/gtest.h>

namespace hubd::cli {
namespace {

constexpr std::int64_t kNow = 1'000'000'000;

CacheRow sample() {
  CacheRow row;
  row.id = "model/acme/m";
  row.type = "model";
  row.size = 2'000'000'000;
  row.accessed_unix = kNow - 10 * 86400;
  row.refs = {"main", "v1"};
  return row;
}

bool matches(char const* filter) {
  auto const parsed = CacheFilter::parse(filter);
  EXPECT_TRUE(parsed) << filter;
  return parsed && parsed->matches(sample(), kNow);
}

TEST(CacheFilter, ComparesSizesAgesTypesAndRefs) {
  for (auto const* const yes : {"size>1GB", "size >= 2g", "size=2000000000", "size!=1", "accessed>9d", "accessed<=10d",
                                "type=model", "refs=v1"})
    EXPECT_TRUE(matches(yes)) << yes;
  for (auto const* const no : {"size<1GB", "accessed>10d", "type=dataset", "refs=v2", "modified>0", "modified<100y"})
    EXPECT_FALSE(matches(no)) << no;
}

TEST(CacheFilter, RefusesWhatItCannotRead) {
  for (auto const* const wrong :
       {"", "size", "size>", "size==5", "size>1.5G", "size>5 tons", "colour=red", "type>model", "accessed>soon"})
    EXPECT_FALSE(CacheFilter::parse(wrong)) << wrong;
}

TEST(SortRows, HasADirectionForEachKey) {
  std::vector<CacheRow> rows(3);
  for (std::size_t i = 0; i < 3; ++i) {
    rows[i].id = std::string(1, "bca"[i]);
    rows[i].size = std::size_t{3} - i;
    rows[i].accessed_unix = static_cast<std::int64_t>(i);
  }
  auto const order = [&](char const* key) {
    EXPECT_TRUE(sort_rows(rows, key)) << key;
    return rows[0].id + rows[1].id + rows[2].id;
  };
  EXPECT_EQ("abc", order("name"));
  EXPECT_EQ("cba", order("name:desc"));
  EXPECT_EQ("bca", order("size"));
  EXPECT_EQ("acb", order("size:asc"));
  EXPECT_EQ("acb", order("accessed"));
  EXPECT_FALSE(sort_rows(rows, "colour"));
  EXPECT_FALSE(sort_rows(rows, "size:up"));
}

}  // namespace
}  // namespace hubd::cli
