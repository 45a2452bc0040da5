// SPDX-License-Identifier: Apache-2.0
#include "core/xet/merkle_tree.h"

namespace hubd::xet {

void MerkleTree::add(HashedSize const& leaf) {
  add_to(0, leaf);
}

void MerkleTree::add_to(std::size_t level, HashedSize const& node) {
  if (level == levels_.size()) {
    levels_.emplace_back();
    levels_.back().open.reserve(kChildrenMax);
  }
  auto& open = levels_[level].open;
  open.push_back(node);
  if (!ends_group(open.size(), node.hash)) return;
  auto const parent = merkle_parent(open);
  open.clear();
  levels_[level].promoted = true;
  add_to(level + 1, parent);  // may move levels_: nothing of this level is touched after it
}

HashedSize MerkleTree::finish() {
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    auto const open = std::move(levels_[level].open);
    if (!levels_[level].promoted && open.size() == 1) return open.front();  // alone on its level: the root
    if (!open.empty()) {
      levels_[level].promoted = true;
      add_to(level + 1, merkle_parent(open));
    }
  }
  return {};
}

}  // namespace hubd::xet
