// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/xet/json_fields.h"
#include "core/xet/subtree.h"

namespace hubd::xet {
namespace json = boost::json;

namespace {

constexpr std::size_t kTextMax = 16U << 20U;
constexpr std::size_t kLevelsMax = 64;  // each level has at most half the nodes of the one below

}  // namespace

std::string Subtree::json() const {
  json::array nodes;
  auto const add = [&](std::vector<HashedSize> const& side) {
    for (auto const& node : side) nodes.push_back(json::object{{"hash", node.hash.text()}, {"size", node.size}});
  };
  json::array counts;
  for (auto const& level : levels_) {
    add(level.left);
    counts.push_back(json::array{level.left.size(), level.right.size()});
  }
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) add(level->right);
  return json::serialize(json::object{
      {"nodes", std::move(nodes)}, {"levels", std::move(counts)}, {"at_start", at_start_}, {"at_end", at_end_}});
}

Result<Subtree> Subtree::parse(std::string_view text) {
  JsonFields fields;
  auto const object = fields.parse(text, kTextMax);
  Subtree tree;
  if (fields.problem().empty()) {
    tree.at_start_ = fields.flag(object, "at_start");
    tree.at_end_ = fields.flag(object, "at_end");
  }
  std::vector<HashedSize> nodes;
  if (fields.problem().empty()) {
    for (auto const& one : fields.list(object, "nodes")) {
      auto const& node = fields.as_object(one, "nodes");
      HashedSize read;
      read.hash = fields.hash(fields.text(node, "hash"), "hash");
      read.size = fields.number(node, "size");
      if (!fields.problem().empty()) break;
      nodes.push_back(read);
    }
  }
  std::vector<std::pair<std::size_t, std::size_t>> counts;
  std::size_t total = 0;
  if (fields.problem().empty()) {
    for (auto const& one : fields.list(object, "levels")) {
      auto const* pair = one.if_array();
      auto const count = [&](std::size_t i) -> std::size_t {
        auto const& value = (*pair)[i];
        if (!value.is_int64() || value.get_int64() < 0 ||
            static_cast<std::size_t>(value.get_int64()) > nodes.size() - total) {
          fields.blame("levels counts more nodes than there are");
          return 0;
        }
        auto const read = static_cast<std::size_t>(value.get_int64());
        total += read;
        return read;
      };
      if (pair == nullptr || pair->size() != 2) {
        fields.blame("levels is not a list of pairs");
        break;
      }
      auto const left = count(0);
      auto const right = count(1);
      counts.emplace_back(left, right);
      if (counts.size() > kLevelsMax) fields.blame("levels is longer than " + std::to_string(kLevelsMax));
      if (!fields.problem().empty()) break;
    }
  }
  if (fields.problem().empty() && total != nodes.size())
    fields.blame("levels counts " + std::to_string(total) + " of " + std::to_string(nodes.size()) + " nodes");
  if (!fields.problem().empty())
    return fail(ErrorKind::bad_upstream, "a subtree of a file's hashes is unusable: " + fields.problem());
  auto at = nodes.cbegin();
  auto const take = [&](std::vector<HashedSize>& side, std::size_t count) {
    side.assign(at, at + static_cast<std::ptrdiff_t>(count));
    at += static_cast<std::ptrdiff_t>(count);
  };
  tree.levels_.resize(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) take(tree.levels_[i].left, counts[i].first);
  for (std::size_t i = counts.size(); i-- > 0;) take(tree.levels_[i].right, counts[i].second);
  return tree;
}

}  // namespace hubd::xet
