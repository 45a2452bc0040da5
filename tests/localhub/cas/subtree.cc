// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/subtree.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "tests/localhub/cas/chunker.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;
using Nodes = std::vector<TreeNode>;

bool natural_cut(TreeNode const& node) { return node.hash.word(3) % 4 == 0; }
bool valid_gap(std::size_t gap) { return gap >= 3 && gap <= 7; }

std::vector<std::size_t> cuts_of(std::span<TreeNode const> nodes) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (natural_cut(nodes[i])) cuts.push_back(i);
  }
  return cuts;
}

std::optional<std::size_t> stable_start(std::span<TreeNode const> nodes) {
  if (nodes.size() < 3) return std::nullopt;
  auto const cuts = cuts_of(nodes);
  for (std::size_t i = 2; i < cuts.size(); ++i) {
    if (valid_gap(cuts[i] - cuts[i - 1]) && valid_gap(cuts[i - 1] - cuts[i - 2])) return cuts[i - 1] + 1;
  }
  return std::nullopt;
}

std::optional<std::size_t> stable_end(std::span<TreeNode const> nodes) {
  if (nodes.size() < 3) return std::nullopt;
  auto const cuts = cuts_of(nodes);
  for (std::size_t i = cuts.size(); i-- > 2;) {
    if (valid_gap(cuts[i] - cuts[i - 1]) && valid_gap(cuts[i - 1] - cuts[i - 2])) return cuts[i - 1] + 1;
  }
  return std::nullopt;
}

struct Split {
  Nodes prefix;
  Nodes promoted;
  Nodes suffix;
};

Split split_nodes(Nodes const& nodes, bool at_start, bool at_end) {
  Split all_prefix{nodes, {}, {}};
  if (nodes.size() <= 1) return all_prefix;
  std::span<TreeNode const> const all(nodes);
  auto const start = at_start ? std::optional<std::size_t>(0) : stable_start(all);
  if (!start) return all_prefix;
  std::optional<std::size_t> end = nodes.size();
  if (!at_end) {
    auto const from_start = stable_end(all.subspan(*start));
    end = from_start ? std::optional(*start + *from_start) : std::nullopt;
  }
  if (!end || *start >= *end) return all_prefix;
  Split split{{nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(*start)}, {}, {nodes.begin() + static_cast<std::ptrdiff_t>(*end), nodes.end()}};
  for (auto middle = all.subspan(*start, *end - *start); !middle.empty();) {
    auto const count = group_length(middle);
    split.promoted.push_back(parent_of(middle.first(count)));
    middle = middle.subspan(count);
  }
  return split;
}

json::object node_json(TreeNode const& node) { return {{"hash", node.hash.text()}, {"size", node.size}}; }

// From boundary number `i` on: the first cut after two chunks of unremarkable length.
bool stable_size(Bytes size) { return size >= 2 * kChunkMin && size < kChunkMax - kChunkMin; }

}  // namespace

json::value subtree_json(Nodes nodes, bool at_start, bool at_end) {
  std::vector<std::pair<Nodes, Nodes>> levels;
  bool start = at_start;
  bool end = at_end;
  for (;;) {
    auto split = split_nodes(nodes, start, end);
    start = start && split.prefix.empty();
    end = end && split.suffix.empty();
    levels.emplace_back(std::move(split.prefix), std::move(split.suffix));
    if (split.promoted.empty()) break;
    if (split.promoted.size() == 1) {
      levels.emplace_back(std::move(split.promoted), Nodes{});
      break;
    }
    nodes = std::move(split.promoted);
  }
  json::array wire;
  json::array counts;
  for (auto const& level : levels) {
    for (auto const& node : level.first) wire.push_back(node_json(node));
    counts.push_back(json::array{level.first.size(), level.second.size()});
  }
  for (auto level = levels.rbegin(); level != levels.rend(); ++level) {
    for (auto const& node : level->second) wire.push_back(node_json(node));
  }
  return json::object{{"nodes", wire}, {"levels", counts}, {"at_start", at_start}, {"at_end", at_end}};
}

std::vector<std::pair<std::size_t, std::size_t>> edit_windows(std::span<TreeNode const> chunks, std::vector<std::pair<Bytes, Bytes>> dirty) {
  std::vector<std::pair<std::size_t, std::size_t>> windows;
  bool open = false;
  Bytes begin = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    auto const end = begin + chunks[i].size;
    bool const touched = std::any_of(dirty.begin(), dirty.end(), [&](auto const& range) { return range.first < end && range.second > begin; });
    begin = end;
    if (touched && !open) {
      windows.emplace_back(i, i + 1);
      open = true;
    } else if (open) {
      windows.back().second = i + 1;
      bool const two_clean = !touched && i > windows.back().first && stable_size(chunks[i].size) && stable_size(chunks[i - 1].size);
      Bytes const before = begin - chunks[i].size - chunks[i - 1].size;
      bool const previous_clean = std::none_of(dirty.begin(), dirty.end(), [&](auto const& range) {
        return range.first < before + chunks[i - 1].size && range.second > before;
      });
      if (two_clean && previous_clean) open = false;
    }
  }
  return windows;
}

}  // namespace hubd::localhub
