// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hubd {

/// Lower-case hex of `size` bytes at `data`.
std::string to_hex(std::byte const* data, std::size_t size);
/// Fills `size` bytes at `out` from exactly 2*size lower-case hex digits; false when `hex` is anything else.
bool from_hex(std::string_view hex, std::byte* out, std::size_t size);

/// A digest as a type of its own, so that two kinds never mix.
template <class Tag, std::size_t N>
struct Digest {
  static constexpr std::size_t kSize = N;
  std::array<std::byte, N> bytes{};

  [[nodiscard]] std::string hex() const { return to_hex(bytes.data(), N); }
  static std::optional<Digest> parse(std::string_view text) {
    Digest digest;
    if (!from_hex(text, digest.bytes.data(), N)) return std::nullopt;
    return digest;
  }
  friend auto operator<=>(Digest const&, Digest const&) = default;
};

using Sha256 = Digest<struct Sha256Tag, 32>;
using GitSha1 = Digest<struct GitSha1Tag, 20>;  ///< sha1 of "blob <len>\0<content>"
using Blake3 = Digest<struct Blake3Tag, 32>;

/// What a file's content must hash to. Its hex is the Hub's etag and the blob's name in the cache:
/// the git blob sha1 (40 hex) for a regular file, the content's sha256 (64 hex) for an LFS or Xet file.
class ContentId {
 public:
  enum class Kind { git_sha1, sha256 };
  /// Nothing unless `etag` is 40 or 64 lower-case hex digits.
  static std::optional<ContentId> parse(std::string_view etag);
  [[nodiscard]] Kind kind() const { return etag_.size() == 40 ? Kind::git_sha1 : Kind::sha256; }
  [[nodiscard]] std::string const& etag() const { return etag_; }
  friend auto operator<=>(ContentId const&, ContentId const&) = default;

 private:
  explicit ContentId(std::string etag) : etag_(std::move(etag)) {}
  std::string etag_;
};

}  // namespace hubd
