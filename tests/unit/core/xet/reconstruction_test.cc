// SPDX-License-Identifier: Apache-2.0
#include "core/xet/reconstruction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/xet/reconstruct.h"
#include "core/xet/reconstruction_check.h"
#include "tests/unit/core/xet/samples.h"

namespace hubd::xet {
namespace {

using testing::HasSubstr;

MerkleHash name(char digit) {
  return *MerkleHash::parse(std::string(64, digit));
}

struct World {
  std::map<MerkleHash, XorbIndex> xorbs;
  std::vector<Term> file;
  std::vector<std::pair<MerkleHash, std::uint32_t>> bytes;  // of the file: xorb and offset in it
};

World sample_world(std::uint64_t seed) {
  Rng rng(seed);
  World world;
  for (char const digit : {'1', '2', '3'}) {
    XorbIndex index;
    index.xorb = name(digit);
    std::uint32_t end = 0;
    std::uint32_t record_end = 0;
    for (std::size_t i = 0; i < 12; ++i) {
      end += static_cast<std::uint32_t>(1 + below(rng, 40));
      record_end += static_cast<std::uint32_t>(kChunkHeadSize + 1 + below(rng, 40));
      index.chunks.push_back({{}, end, record_end});
    }
    world.xorbs[index.xorb] = index;
  }
  auto const terms = below(rng, 7);
  for (std::size_t i = 0; i < terms; ++i) {
    auto const& xorb = world.xorbs[name(static_cast<char>('1' + below(rng, 3)))];
    auto const first = static_cast<std::uint32_t>(below(rng, 12));
    auto const end = first + 1 + static_cast<std::uint32_t>(below(rng, 12 - first));
    world.file.push_back({xorb.xorb, first, end, xorb.length(first, end)});
    auto const from = first == 0 ? 0 : xorb.chunks[first - 1].end;
    for (Bytes k = 0; k < xorb.length(first, end); ++k)
      world.bytes.emplace_back(xorb.xorb, static_cast<std::uint32_t>(from + k));
  }
  return world;
}

TEST(Reconstruct, GivesExactlyTheBytesAskedFor) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    auto const world = sample_world(seed);
    for (int round = 0; round < 20; ++round) {
      Extent const asked{below(rng, world.bytes.size() + 20), 1 + below(rng, 400)};
      auto const answer = reconstruct(world.file, world.xorbs, asked);
      ASSERT_TRUE(answer.has_value());
      bool const outside = asked.offset >= world.bytes.size() && asked.offset != 0;
      ASSERT_EQ(answer->has_value(), !outside);
      if (outside) continue;
      auto const length = std::min<Bytes>(asked.length, world.bytes.size() - asked.offset);
      auto const usable = check_reconstruction(**answer, asked);
      ASSERT_TRUE(usable.has_value()) << usable.error().what;
      ASSERT_EQ(*usable, length);
      std::vector<std::pair<MerkleHash, std::uint32_t>> got;
      for (auto const& term : (*answer)->terms) {
        auto const& xorb = world.xorbs.at(term.xorb);
        auto const from = term.first == 0 ? 0 : xorb.chunks[term.first - 1].end;
        for (Bytes k = 0; k < term.length; ++k) got.emplace_back(term.xorb, static_cast<std::uint32_t>(from + k));
      }
      ASSERT_GE(got.size(), (*answer)->offset_into_first_range + length);
      for (Bytes k = 0; k < length; ++k)
        ASSERT_EQ(got[(*answer)->offset_into_first_range + k], world.bytes[asked.offset + k]);
      // No chunk more than needed.
      if (length > 0) {
        auto const& first = (*answer)->terms.front();
        ASSERT_LT((*answer)->offset_into_first_range, world.xorbs.at(first.xorb).length(first.first, first.first + 1));
      }
    }
  }
}

TEST(Reconstruct, RefusesWhatIsNotStored) {
  auto const world = sample_world(1);
  EXPECT_EQ(reconstruct(std::vector<Term>{{name('9'), 0, 1, 1}}, world.xorbs, std::nullopt).error().kind,
            ErrorKind::entry_not_found);
  EXPECT_EQ(reconstruct(std::vector<Term>{{name('1'), 0, 13, 1}}, world.xorbs, std::nullopt).error().kind,
            ErrorKind::corrupt);
}

Reconstruction good() {
  Reconstruction answer;
  answer.offset_into_first_range = 10;
  answer.terms = {{name('1'), 2, 5, 3000}, {name('2'), 0, 1, 500}, {name('1'), 4, 6, 2000}};
  answer.ranges[name('1')] = {{2, 6, {100, 4000}, "https://a.example/1"}, {9, 10, {9000, 50}, "https://a.example/1"}};
  answer.ranges[name('2')] = {{0, 1, {0, 300}, "https://a.example/2"}};
  return answer;
}

TEST(CheckReconstruction, TakesWhatCanBeRight) {
  EXPECT_EQ(check_reconstruction(good(), std::nullopt).value(), 5490U);
  EXPECT_EQ(check_reconstruction(good(), Extent{7, 5000}).value(), 5000U);
  EXPECT_EQ(check_reconstruction(good(), Extent{7, 9000}).value(), 5490U) << "the file may end before";
  EXPECT_EQ(check_reconstruction({}, std::nullopt).value(), 0U) << "an empty file";
}

TEST(CheckReconstruction, NamesWhatCannotBe) {
  struct Case {
    char const* says;
    std::function<void(Reconstruction&)> change;
  };
  auto const range = [](Reconstruction& answer, std::size_t i) -> FetchRange& { return answer.ranges[name('1')][i]; };
  for (auto const& one : {
           Case{"term 1 (chunks 0 to 1", [](auto& answer) { answer.ranges.erase(name('2')); }},
           Case{"term 2 (chunks 4 to 7", [](auto& answer) { answer.terms[2].end = 7; }},
           Case{"term 0 (chunks 1 to 5", [](auto& answer) { answer.terms[0].first = 1; }},
           Case{"has no chunks", [](auto& answer) { answer.terms[0].end = 2; }},
           Case{"cannot unpack to 2 bytes", [](auto& answer) { answer.terms[0].length = 2; }},
           Case{"cannot unpack to 393217 bytes", [](auto& answer) { answer.terms[0].length = 3 * 131072 + 1; }},
           Case{"offset 3000 lies behind", [](auto& answer) { answer.offset_into_first_range = 3000; }},
           Case{"overlap another range", [&](auto& answer) { range(answer, 1).first = 5; }},
           Case{"share bytes", [&](auto& answer) { range(answer, 1).bytes.offset = 4000; }},
           Case{"but not in both",
                [&](auto& answer) {
                  range(answer, 1).first = 6;
                  range(answer, 1).bytes.length = 500;
                }},
           Case{"past the 8192", [&](auto& answer) { range(answer, 1).end = 8193; }},
           Case{"past the bytes", [&](auto& answer) { range(answer, 1).bytes.offset = 0xffffffff00U; }},
           Case{"past the bytes", [&](auto& answer) { range(answer, 1).bytes.length = ~Bytes{0}; }},
           Case{"cannot fill 8 bytes", [&](auto& answer) { range(answer, 1).bytes.length = 8; }},
           Case{"cannot fill 262153 bytes", [&](auto& answer) { range(answer, 1).bytes.length = 262'153; }},
           Case{"begin before the chunks in front", [&](auto& answer) { range(answer, 0).bytes.offset = 5; }},
       }) {
    auto answer = good();
    one.change(answer);
    auto const checked = check_reconstruction(answer, std::nullopt);
    ASSERT_FALSE(checked.has_value()) << one.says;
    EXPECT_EQ(checked.error().kind, ErrorKind::bad_upstream);
    EXPECT_THAT(checked.error().what, HasSubstr(one.says));
  }
  EXPECT_THAT(check_reconstruction(good(), Extent{0, 3400}).error().what, HasSubstr("term 2"));
}

TEST(ReconstructionJson, GivesBothFormsOfTheWireBack) {
  auto const answer = good();
  EXPECT_EQ(parse_reconstruction_v2(reconstruction_v2_json(answer)).value(), answer);
  EXPECT_EQ(parse_reconstruction_v1(reconstruction_v1_json(answer)).value(), answer);
  EXPECT_THAT(reconstruction_v2_json(answer), HasSubstr(R"("bytes":{"start":100,"end":4099})"))
      << "ends of bytes are inclusive on the wire";
}

TEST(ReconstructionJson, IgnoresFieldsOfTomorrow) {
  auto text = reconstruction_v2_json(good());
  text.insert(1, R"("new_field":{"a":[1,2]},)");
  EXPECT_EQ(parse_reconstruction_v2(text).value(), good());
}

TEST(ReconstructionJson, NamesWhatLacks) {
  struct Case {
    char const* text;
    char const* says;
  };
  for (auto const& one : {
           Case{"", "not JSON"},
           Case{"[]", "not a JSON object"},
           Case{"{}", "offset_into_first_range"},
           Case{R"({"offset_into_first_range":-1,"terms":[],"xorbs":{}})", "offset_into_first_range"},
           Case{R"({"offset_into_first_range":0.5,"terms":[],"xorbs":{}})", "offset_into_first_range"},
           Case{R"({"offset_into_first_range":0,"xorbs":{}})", "terms"},
           Case{R"({"offset_into_first_range":0,"terms":[7],"xorbs":{}})", "a term"},
           Case{R"({"offset_into_first_range":0,"terms":[]})", "xorbs"},
           Case{R"({"offset_into_first_range":0,"terms":[],"xorbs":{"12":[]}})", "64 hex digits"},
       }) {
    auto const read = parse_reconstruction_v2(one.text);
    ASSERT_FALSE(read.has_value()) << one.text;
    EXPECT_THAT(read.error().what, HasSubstr(one.says));
  }
  std::string deep(100'000, '[');
  EXPECT_FALSE(parse_reconstruction_v2(deep).has_value());
}

TEST(ReconstructionJson, BoundsWhatOneUrlMayBecome) {
  auto answer = good();
  answer.ranges.clear();
  std::string const url = "https://a.example/" + std::string(1 << 20, 'u');
  for (std::uint32_t i = 0; i < 400; ++i) answer.ranges[name('1')].push_back({i, i + 1, {i * 100, 100}, url});
  EXPECT_THAT(parse_reconstruction_v2(reconstruction_v2_json(answer)).error().what, HasSubstr("URLs"));
}

}  // namespace
}  // namespace hubd::xet
