// SPDX-License-Identifier: Apache-2.0
#include "core/hash/hasher.h"

#include <gtest/gtest.h>

namespace hubd::hash {
namespace {

// Vectors: FIPS 180-2 for SHA-256; `printf 'hello\n' | git hash-object --stdin`; BLAKE3's own test vectors.
TEST(Hash, MatchesPublishedVectors) {
  EXPECT_EQ(sha256(as_bytes("abc")).hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(git_blob_sha1(as_bytes("hello\n")).hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(git_blob_sha1(as_bytes("")).hex(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(blake3(as_bytes("")).hex(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
}

TEST(ContentHasher, GivesTheSameDigestHoweverTheBytesArrive) {
  std::string const text(100'000, 'x');
  auto const whole = git_blob_sha1(as_bytes(text)).hex();
  auto const id = *ContentId::parse(whole);
  ContentHasher hasher(id, text.size());
  for (std::size_t at = 0; at < text.size(); at += 777) hasher.update(as_bytes(std::string_view(text).substr(at, 777)));
  EXPECT_EQ(hasher.fed(), text.size());
  EXPECT_EQ(hasher.finish(), whole);
}

TEST(ContentHasher, ChoosesTheAlgorithmByTheId) {
  auto const id = *ContentId::parse(sha256(as_bytes("abc")).hex());
  ContentHasher hasher(id, 3);
  hasher.update(as_bytes("abc"));
  EXPECT_EQ(hasher.finish(), id.etag());
}

}  // namespace
}  // namespace hubd::hash
