// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/xet/hashes.h"

namespace hubd::xet {

/// What is known of a file's Merkle tree from a run of its leaves alone, the neighbours being unknown
/// (xet-protocol 2.5). Runs that follow each other merge, and a run from the file's start to its end gives the root.
/// Pure.
class Subtree {
 public:
  /// Nodes of one level that cannot be grouped yet, for what lies beside them is unknown.
  struct Level {
    std::vector<HashedSize> left;
    std::vector<HashedSize> right;
  };

  /// `at_start`: the first leaf is the file's first; `at_end` likewise.
  static Subtree build(std::span<HashedSize const> leaves, bool at_start, bool at_end);
  /// `a` and, directly behind it, `b`. Fails (bad_request): a ends the file or b starts it.
  static Result<Subtree> merge(Subtree const& a, Subtree const& b);

  [[nodiscard]] bool at_start() const { return at_start_; }
  [[nodiscard]] bool at_end() const { return at_end_; }
  [[nodiscard]] std::vector<Level> const& levels() const { return levels_; }
  /// Of the whole file; nothing unless this is all of it. Zero for an empty file.
  [[nodiscard]] std::optional<HashedSize> root() const;

  /// The form of the wire. parse() fails: bad_upstream naming the field; levels and nodes are at most as many as the
  /// text has.
  [[nodiscard]] std::string json() const;
  static Result<Subtree> parse(std::string_view json);

 private:
  std::vector<Level> levels_;
  bool at_start_ = false;
  bool at_end_ = false;
};

/// The first and last place of a level where a group ends whatever stands outside; nothing: none is known.
std::optional<std::size_t> stable_start(std::span<HashedSize const> nodes);
std::optional<std::size_t> stable_end(std::span<HashedSize const> nodes);

}  // namespace hubd::xet
