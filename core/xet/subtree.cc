// SPDX-License-Identifier: Apache-2.0
#include "core/xet/subtree.h"

#include <algorithm>

namespace hubd::xet {
namespace {

using Nodes = std::vector<HashedSize>;

bool is_cut(HashedSize const& node) {
  return node.hash.modulo(4) == 0;
}
/// Two cuts so far apart are both ends of groups: neither too near for a group nor so far that a full group lies
/// between.
bool is_clear(std::size_t gap) {
  return gap >= 3 && gap <= 7;
}

struct Split {
  Nodes prefix;
  Nodes promoted;
  Nodes suffix;
};

Split split(std::span<HashedSize const> nodes, bool at_start, bool at_end) {
  Split result;
  auto const keep = [&] {
    result.prefix.assign(nodes.begin(), nodes.end());
    return result;
  };
  if (nodes.size() <= 1) return keep();
  std::size_t begin = 0;
  if (!at_start) {
    auto const stable = stable_start(nodes);
    if (!stable) return keep();
    begin = *stable;
  }
  auto end = nodes.size();
  if (!at_end) {
    auto const stable = stable_end(nodes.subspan(begin));
    if (!stable) return keep();
    end = begin + *stable;
  }
  if (begin >= end) return keep();
  for (auto rest = nodes.subspan(begin, end - begin); !rest.empty();) {
    auto const count = group_length(rest);
    result.promoted.push_back(merkle_parent(rest.first(count)));
    rest = rest.subspan(count);
  }
  result.prefix.assign(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(begin));
  result.suffix.assign(nodes.begin() + static_cast<std::ptrdiff_t>(end), nodes.end());
  return result;
}

void append(Nodes& nodes, Nodes const& more) {
  nodes.insert(nodes.end(), more.begin(), more.end());
}

/// Splits level by level. `inputs(level)` gives what lies on a level beside what the level below promoted: left and
/// right of it.
class Climb {
 public:
  Climb(bool at_start, bool at_end) : at_start_(at_start), at_end_(at_end) {}

  void level(Nodes const& nodes) {
    auto parts = split(nodes, at_start_, at_end_);
    at_start_ = at_start_ && parts.prefix.empty();
    at_end_ = at_end_ && parts.suffix.empty();
    levels.push_back({std::move(parts.prefix), std::move(parts.suffix)});
    promoted = std::move(parts.promoted);
  }
  /// Until nothing is promoted; a single node is the top.
  void finish() {
    while (promoted.size() > 1) level(Nodes(promoted));
    if (promoted.size() == 1) levels.push_back({std::move(promoted), {}});
    promoted.clear();
  }

  std::vector<Subtree::Level> levels;
  Nodes promoted;

 private:
  bool at_start_;
  bool at_end_;
};

}  // namespace

std::optional<std::size_t> stable_start(std::span<HashedSize const> nodes) {
  std::optional<std::size_t> before;  // the cut before the last one
  std::optional<std::size_t> last;
  if (nodes.size() < 3) return std::nullopt;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!is_cut(nodes[i])) continue;
    if (before && last && is_clear(i - *last) && is_clear(*last - *before)) return *last + 1;
    before = last;
    last = i;
  }
  return std::nullopt;
}

std::optional<std::size_t> stable_end(std::span<HashedSize const> nodes) {
  std::optional<std::size_t> after;  // the cut behind the last one seen
  std::optional<std::size_t> last;
  if (nodes.size() < 3) return std::nullopt;
  for (std::size_t i = nodes.size(); i-- > 0;) {
    if (!is_cut(nodes[i])) continue;
    if (after && last && is_clear(*last - i) && is_clear(*after - *last)) return *last + 1;
    after = last;
    last = i;
  }
  return std::nullopt;
}

Subtree Subtree::build(std::span<HashedSize const> leaves, bool at_start, bool at_end) {
  Climb climb(at_start, at_end);
  climb.level(Nodes(leaves.begin(), leaves.end()));
  climb.finish();
  Subtree tree;
  tree.levels_ = std::move(climb.levels);
  // A run of one leaf keeps it on its level: that is the top already.
  tree.at_start_ = at_start;
  tree.at_end_ = at_end;
  return tree;
}

Result<Subtree> Subtree::merge(Subtree const& a, Subtree const& b) {
  if (a.at_end_ || b.at_start_)
    return fail(ErrorKind::bad_request,
                "merge two runs of a file's chunks: one lies behind the file's end or before its start; give them in "
                "the file's order");
  Climb climb(a.at_start_, b.at_end_);
  static Level const none;
  for (std::size_t i = 0; i < std::max(a.levels_.size(), b.levels_.size()); ++i) {
    auto const& left = i < a.levels_.size() ? a.levels_[i] : none;
    auto const& right = i < b.levels_.size() ? b.levels_[i] : none;
    Nodes nodes = left.left;
    append(nodes, left.right);
    append(nodes, climb.promoted);
    append(nodes, right.left);
    append(nodes, right.right);
    climb.level(nodes);
  }
  climb.finish();
  while (climb.levels.size() > 1 && climb.levels.back().left.empty() && climb.levels.back().right.empty())
    climb.levels.pop_back();
  Subtree tree;
  tree.levels_ = std::move(climb.levels);
  tree.at_start_ = a.at_start_;
  tree.at_end_ = b.at_end_;
  return tree;
}

std::optional<HashedSize> Subtree::root() const {
  if (!at_start_ || !at_end_) return std::nullopt;
  std::optional<HashedSize> only;
  for (auto const& level : levels_) {
    for (auto const* side : {&level.left, &level.right}) {
      for (auto const& node : *side) {
        if (only) return std::nullopt;  // what came from outside may be no tree
        only = node;
      }
    }
  }
  return only.value_or(HashedSize{});
}

}  // namespace hubd::xet
