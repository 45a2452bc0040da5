// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <span>
#include <string>

#include "core/base/bytes.h"
#include "core/base/digest.h"

namespace hubd::hash {

/// Incremental SHA-256 (OpenSSL, which uses the CPU's SHA instructions). Copyable state is not offered.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
  void update(std::span<std::byte const> data);
  /// Call once.
  Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Checks a file's bytes, fed in order, against the id the Hub announced: sha256 of the content, or git blob sha1.
class ContentHasher {
 public:
  /// `size` is the file's full size; the git blob hash covers it.
  ContentHasher(ContentId const& id, Bytes size);
  ~ContentHasher();
  ContentHasher(ContentHasher&&) noexcept;
  ContentHasher& operator=(ContentHasher&&) noexcept;
  void update(std::span<std::byte const> data);
  [[nodiscard]] Bytes fed() const;
  /// The hex digest of what was fed; compare with id.etag(). Call once.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One-shot digests.
Sha256 sha256(std::span<std::byte const> data);
GitSha1 git_blob_sha1(std::span<std::byte const> data);
/// Unkeyed BLAKE3, for hubd's own journals only.
Blake3 blake3(std::span<std::byte const> data);

}  // namespace hubd::hash
