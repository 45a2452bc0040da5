// SPDX-License-Identifier: Apache-2.0
#include "core/store/recipe.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <optional>

#include "core/fs/buffer.h"
#include "core/hash/hasher.h"
#include "core/xet/limits.h"

namespace hubd::store {
namespace {

constexpr std::string_view kMagic = "hubd.rcp";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kChecksumSize = 16;

// Header: magic 0..8, version 8..16, size 16..24, terms 24..28, chunks 28..32, file id 32..64, length of the etag 64..72,
// etag 72..136 padded with zeros, zeros 136..224, checksum of terms and chunks 224..240, checksum of all before it 240..256.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kSizeAt = 16;
constexpr std::size_t kTermsAt = 24;
constexpr std::size_t kChunksAt = 28;
constexpr std::size_t kFileAt = 32;
constexpr std::size_t kEtagLengthAt = 64;
constexpr std::size_t kEtagAt = 72;
constexpr std::size_t kEtagLengthMax = 64;
constexpr std::size_t kBodyChecksumAt = 224;
constexpr std::size_t kHeaderChecksumAt = 240;
// Term: xorb 0..32, first 32..36, end 36..40, zeros. Chunk: hash 0..32, length 32..36.

template <class T>
void put(char* at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<char>(value >> (8 * i));
}

template <class T>
T get(std::byte const* at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(at[i]) << (8 * i)));
  return value;
}

void put_hash(char* at, xet::MerkleHash const& hash) {
  std::transform(hash.bytes.begin(), hash.bytes.end(), at, [](std::byte byte) { return static_cast<char>(byte); });
}

xet::MerkleHash get_hash(std::byte const* at) {
  xet::MerkleHash hash;
  std::copy(at, at + xet::MerkleHash::kSize, hash.bytes.begin());
  return hash;
}

void put_checksum(char* at, std::span<std::byte const> of) {
  auto const digest = hash::blake3(of);
  std::transform(digest.bytes.begin(), digest.bytes.begin() + kChecksumSize, at, [](std::byte byte) { return static_cast<char>(byte); });
}

bool has_checksum(std::byte const* at, std::span<std::byte const> of) {
  auto const digest = hash::blake3(of);
  return std::equal(at, at + kChecksumSize, digest.bytes.begin());
}

Error damaged(std::string const& what) { return fail(ErrorKind::corrupt, "a recipe is damaged: " + what); }

struct Header {
  Bytes size = 0;
  std::uint32_t terms = 0;
  std::uint32_t chunks = 0;
  xet::MerkleHash file;
  std::string etag;
};

Result<Header> parse_header(std::span<std::byte const> bytes) {
  if (bytes.size() < kRecipeHeaderSize) return damaged("it is shorter than its header");
  auto const* const at = bytes.data();
  if (as_text(bytes.first(kMagic.size())) != kMagic || get<std::uint64_t>(at + kVersionAt) != kVersion) return damaged("it is none of this version");
  if (!has_checksum(at + kHeaderChecksumAt, bytes.first(kHeaderChecksumAt))) return damaged("its header's checksum is wrong");
  auto const length = get<std::uint64_t>(at + kEtagLengthAt);
  if (length > kEtagLengthMax) return damaged("its etag is too long");
  Header header{get<std::uint64_t>(at + kSizeAt), get<std::uint32_t>(at + kTermsAt), get<std::uint32_t>(at + kChunksAt), get_hash(at + kFileAt),
                std::string(as_text(bytes.subspan(kEtagAt, static_cast<std::size_t>(length))))};
  return header;
}

RecipeTerm parse_term(std::byte const* at) { return {get_hash(at), get<std::uint32_t>(at + 32), get<std::uint32_t>(at + 36)}; }
RecipeChunk parse_chunk(std::byte const* at) { return {get_hash(at), get<std::uint32_t>(at + 32)}; }

Result<fs::Buffer> read_exactly(fs::File const& file, Bytes offset, Bytes length) {
  fs::Buffer buffer(static_cast<std::size_t>(std::max<Bytes>(length, 1)));
  auto const count = file.read_at(offset, buffer.span().first(static_cast<std::size_t>(length)));
  if (!count) return count.error();
  if (*count != length) return damaged("it is cut short");
  return buffer;
}

}  // namespace

std::string encode_recipe(Recipe const& recipe) {
  assert(recipe.chunks.size() <= std::numeric_limits<std::uint32_t>::max() && recipe.terms.size() <= recipe.chunks.size());
  auto const& etag = recipe.id.etag();
  std::string bytes(kRecipeHeaderSize + recipe.terms.size() * kRecipeTermSize + recipe.chunks.size() * kRecipeChunkSize, '\0');
  char* at = bytes.data() + kRecipeHeaderSize;
  for (auto const& term : recipe.terms) {
    put_hash(at, term.xorb);
    put(at + 32, term.first);
    put(at + 36, term.end);
    at += kRecipeTermSize;
  }
  for (auto const& chunk : recipe.chunks) {
    put_hash(at, chunk.hash);
    put(at + 32, chunk.length);
    at += kRecipeChunkSize;
  }
  char* const head = bytes.data();
  std::copy(kMagic.begin(), kMagic.end(), head);
  put(head + kVersionAt, kVersion);
  put(head + kSizeAt, std::uint64_t{recipe.size});
  put(head + kTermsAt, static_cast<std::uint32_t>(recipe.terms.size()));
  put(head + kChunksAt, static_cast<std::uint32_t>(recipe.chunks.size()));
  put_hash(head + kFileAt, recipe.file);
  put(head + kEtagLengthAt, std::uint64_t{etag.size()});
  std::copy(etag.begin(), etag.end(), head + kEtagAt);
  auto const all = as_bytes(bytes);
  put_checksum(head + kBodyChecksumAt, all.subspan(kRecipeHeaderSize));
  put_checksum(head + kHeaderChecksumAt, all.first(kHeaderChecksumAt));
  return bytes;
}

Result<Recipe> parse_recipe(std::span<std::byte const> bytes) {
  auto const header = parse_header(bytes);
  if (!header) return header.error();
  auto id = ContentId::parse(header->etag);
  if (!id) return damaged("its etag is none");
  auto const body = bytes.subspan(kRecipeHeaderSize);
  if (body.size() != header->terms * kRecipeTermSize + header->chunks * kRecipeChunkSize) return damaged("its length is wrong");
  if (!has_checksum(bytes.data() + kBodyChecksumAt, body)) return damaged("its checksum is wrong");
  Recipe recipe{std::move(*id), header->file, header->size, {}, {}};
  auto const* at = body.data();
  Bytes named = 0;
  for (std::uint32_t i = 0; i < header->terms; ++i, at += kRecipeTermSize) {
    recipe.terms.push_back(parse_term(at));
    if (recipe.terms.back().first >= recipe.terms.back().end) return damaged("a term has no chunk");
    named += recipe.terms.back().end - recipe.terms.back().first;
  }
  Bytes size = 0;
  for (std::uint32_t i = 0; i < header->chunks; ++i, at += kRecipeChunkSize) {
    recipe.chunks.push_back(parse_chunk(at));
    if (recipe.chunks.back().length > xet::kChunkSizeMax) return damaged("a chunk is longer than any");
    size += recipe.chunks.back().length;
  }
  if (size != header->size) return damaged("its chunks do not add up");
  if (!recipe.terms.empty() && named != header->chunks) return damaged("its terms do not add up");
  return recipe;
}

Result<RecipeFile> RecipeFile::open(fs::FileSystem& files, std::string const& path, std::string const& etag) {
  auto file = files.open(path, fs::OpenMode::read, 0, true);
  if (!file) return file.error();
  auto const head = read_exactly(**file, 0, kRecipeHeaderSize);
  if (!head) return head.error();
  auto const header = parse_header(head->span().first(kRecipeHeaderSize));
  if (!header) return header.error();
  if (header->etag != etag) return damaged("it is of another content");
  return RecipeFile(std::move(*file), header->size, header->terms, header->chunks);
}

Result<RecipeTerm> RecipeFile::term(std::uint32_t number) const {
  if (number >= terms_) return damaged("it has no term " + std::to_string(number));
  auto const bytes = read_exactly(*file_, kRecipeHeaderSize + number * kRecipeTermSize, kRecipeTermSize);
  if (!bytes) return bytes.error();
  return parse_term(bytes->span().data());
}

Result<std::vector<RecipeChunk>> RecipeFile::chunks(std::uint32_t first, std::uint32_t count) const {
  if (first > chunks_ || count > chunks_ - first) return damaged("it has no chunk " + std::to_string(Bytes{first} + count));
  auto const offset = kRecipeHeaderSize + terms_ * kRecipeTermSize + first * kRecipeChunkSize;
  auto const bytes = read_exactly(*file_, offset, count * kRecipeChunkSize);
  if (!bytes) return bytes.error();
  std::vector<RecipeChunk> found;
  found.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    found.push_back(parse_chunk(bytes->span().data() + i * kRecipeChunkSize));
    if (found.back().length == 0 || found.back().length > xet::kChunkSizeMax) return damaged("a chunk has a length that none has");
  }
  return found;
}

}  // namespace hubd::store
