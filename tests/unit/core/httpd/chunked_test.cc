// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/chunked.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace hubd::httpd {
namespace {

/// Decodes `in` arriving in pieces of `piece` bytes; "!" when refused, "..." appended when not yet whole.
std::string decode(std::string_view in, std::size_t piece) {
  ChunkDecoder decoder;
  std::string out;
  while (!in.empty() && !decoder.done() && !decoder.failed()) {
    auto part = in.substr(0, piece);
    in.remove_prefix(part.size());
    while (!part.empty() && !decoder.done() && !decoder.failed()) {
      if (auto const left = decoder.data_left(); left > 0) {
        auto const count = static_cast<std::size_t>(std::min<Bytes>(left, part.size()));
        out += part.substr(0, count);
        part.remove_prefix(count);
        decoder.took(count);
      } else {
        part.remove_prefix(decoder.feed(part));
      }
    }
  }
  if (decoder.failed()) return "!";
  return decoder.done() ? out : out + "...";
}

struct Case {
  std::string_view in;
  std::string_view out;
};

TEST(ChunkDecoder, DecodesWhateverThePiecesAre) {
  Case const cases[] = {
      {"0\r\n\r\n", ""},
      {"5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5\r\nhello\r\n6;name=v\r\n world\r\n0\r\n\r\n", "hello world"},
      {"00A\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", "0123456789"},
      {"5\r\nhel", "hel..."},
      {"", "..."},
      {"\r\n", "!"},
      {"x\r\n", "!"},
      {"5\nhello", "!"},
      {"5\r\nhelloX", "!"},
      {"-1\r\n", "!"},
      {"1000000000000000\r\n", "!"},
      {"0\r\n\rX", "!"},
  };
  for (auto const& [in, out] : cases)
    for (std::size_t const piece : {1U, 2U, 3U, 7U, 1000U}) EXPECT_EQ(decode(in, piece), out) << in << " by " << piece;
}

TEST(ChunkDecoder, EndlessExtensionOrTrailersAreRefused) {
  EXPECT_EQ(decode("5;" + std::string(20000, 'a'), 1000), "!");
  EXPECT_EQ(decode("0\r\n" + std::string(20000, 'a'), 1000), "!");
}

}  // namespace
}  // namespace hubd::httpd
