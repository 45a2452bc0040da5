// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <span>

#include "core/base/bytes.h"
#include "core/base/digest.h"

namespace hubd::hash {

/// Incremental git blob SHA-1. One thread at a time.
class GitBlobHasher {
 public:
  /// `size` is the file's full size, which the hash covers first.
  explicit GitBlobHasher(Bytes size);
  ~GitBlobHasher();
  void update(std::span<std::byte const> data);
  /// Call once.
  GitSha1 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hubd::hash
