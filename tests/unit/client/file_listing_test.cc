// SPDX-License-Identifier: Apache-2.0
#include "client/cli/file_listing.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace hubd::cli {
namespace {

namespace json = boost::json;
using Lines = std::vector<std::string>;

json::array entries() {
  return json::parse(R"([
    {"path":"README.md","size":39,"blob_id":"0","last_commit":{"date":"2026-01-02T03:04:05+00:00"}},
    {"path":"onnx","tree_id":"1","last_commit":{"date":"2026-01-02T03:04:05+00:00"}},
    {"path":"onnx/a\u001b[31m.bin","size":2000000,"blob_id":"2"}])")
      .as_array();
}

TEST(FileListing, HasSizeDateAndPath) {
  EXPECT_EQ((Lines{"          39  2026-01-02 03:04:05  README.md", "              2026-01-02 03:04:05  onnx/",
                   "     2000000                       onnx/a\\x1b[31m.bin"}),
            listing_lines(entries(), false));
  EXPECT_EQ((Lines{"        39 B         Jan 02 03:04  README.md", "                     Jan 02 03:04  onnx/",
                   "      2.0 MB                       onnx/a\\x1b[31m.bin"}),
            listing_lines(entries(), true));
}

TEST(FileListing, PathsOfFoldersEndInASlash) {
  EXPECT_EQ((Lines{"README.md", "onnx/", "onnx/a\\x1b[31m.bin"}), listing_paths(entries()));
}

TEST(FileListing, TheTreeIsDrawnWithOrWithoutUnicode) {
  EXPECT_EQ((Lines{"     39  2026-01-02 03:04:05  ├── README.md", "                              └── onnx/",
                   "2000000                           └── a\\x1b[31m.bin"}),
            tree_lines(entries(), false, false, true));
  EXPECT_EQ((Lines{"|-- README.md", "`-- onnx/", "    `-- a\\x1b[31m.bin"}), tree_lines(entries(), false, true, false));
}

TEST(FileListing, AFileBelowAFolderThatWasNotListedIsDrawnAllTheSame) {
  EXPECT_EQ((Lines{"`-- a/", "    `-- b"}),
            tree_lines(json::parse(R"([{"path":"a/b","size":1}])").as_array(), false, true, false));
}

}  // namespace
}  // namespace hubd::cli
