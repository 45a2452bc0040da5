// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_names.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <deque>
#include <set>
#include <utility>

namespace hubd::support {
namespace {

constexpr int kSymlinksMax = 40;
constexpr mode_t kSearch = 0100;

using Name = std::pair<SimNames::Node const*, std::string>;

std::deque<std::string> split(std::string const& path) {
  std::deque<std::string> parts;
  std::size_t at = 0;
  while (at < path.size()) {
    auto const slash = std::min(path.find('/', at), path.size());
    auto part = path.substr(at, slash - at);
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    at = slash + 1;
  }
  return parts;
}

}  // namespace

SimNames::SimNames() : root_(std::make_shared<Node>()) {
  root_->type = fs::Stat::Type::directory;
  root_->number = 1;
  root_->links = 1;
  root_->mode = 0755;
}

SimNames::NodePtr SimNames::make_node(fs::Stat::Type type, mode_t mode) {
  auto node = std::make_shared<Node>();
  node->type = type;
  node->number = next_number_++;
  node->mode = mode;
  return node;
}

int SimNames::find(std::string const& path, bool follow, Place& place) const {
  assert(!path.empty() && path.front() == '/' && "paths are absolute");
  std::vector<Place> above{{nullptr, "", root_}};
  auto rest = split(path);
  int symlinks = 0;
  while (!rest.empty()) {
    auto const name = std::move(rest.front());
    rest.pop_front();
    auto const folder = above.back().node;
    if (folder->type != fs::Stat::Type::directory) return ENOTDIR;
    if ((folder->mode & kSearch) == 0) return EACCES;
    if (name == "..") {
      if (above.size() > 1) above.pop_back();
      continue;
    }
    auto const found = folder->entries.find(name);
    auto const node = found == folder->entries.end() ? nullptr : found->second;
    if (!node && !rest.empty()) return ENOENT;
    if (node && node->type == fs::Stat::Type::symlink && (follow || !rest.empty())) {
      if (++symlinks > kSymlinksMax) return ELOOP;
      if (node->target.starts_with('/')) above.resize(1);
      auto parts = split(node->target);
      rest.insert(rest.begin(), std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
      continue;
    }
    above.push_back({folder, name, node});
    if (!node) break;
  }
  place = above.back();
  return 0;
}

void SimNames::add(Place const& place, NodePtr const& node) {
  place.folder->entries[place.name] = node;
  ++node->links;
  record({{place.folder, place.name, nullptr, node}});
}

void SimNames::take(Place const& place) {
  place.folder->entries.erase(place.name);
  --place.node->links;
  record({{place.folder, place.name, place.node, nullptr}});
}

void SimNames::move(Place const& from, Place const& to) {
  if (to.node) --to.node->links;
  from.folder->entries.erase(from.name);
  to.folder->entries[to.name] = from.node;
  record({{from.folder, from.name, from.node, nullptr}, {to.folder, to.name, to.node, from.node}});
}

bool SimNames::is_inside(NodePtr const& folder, NodePtr const& node) {
  if (folder == node) return true;
  if (folder->type != fs::Stat::Type::directory) return false;
  return std::any_of(folder->entries.begin(), folder->entries.end(),
                     [&](auto const& entry) { return is_inside(entry.second, node); });
}

void SimNames::sync_folder(NodePtr const& folder) {
  // Backwards from the newest change: those of this folder, what they build upon (earlier changes of the same name, the
  // making of a folder they are in), and what those build upon.
  std::set<Name> names;
  std::set<Node const*> folders{folder.get()};
  std::vector<bool> wanted(changes_.size(), false);
  for (auto i = changes_.size(); i-- > 0;) {
    auto const& change = changes_[i];
    wanted[i] = std::any_of(change.begin(), change.end(), [&](Step const& step) {
      return step.folder == folder || names.contains({step.folder.get(), step.name}) ||
             (step.after && folders.contains(step.after.get()));
    });
    if (!wanted[i]) continue;
    for (auto const& step : change) {
      names.insert({step.folder.get(), step.name});
      folders.insert(step.folder.get());
    }
  }
  std::vector<Change> left;
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    if (wanted[i])
      make_durable(changes_[i]);
    else
      left.push_back(std::move(changes_[i]));
  }
  changes_ = std::move(left);
}

void SimNames::lose_unsynced(Random* random) {
  std::set<Name> lost_names;
  for (auto const& change : changes_) {
    bool lost = random == nullptr || random->next() % 2 == 0;
    for (auto const& step : change) lost = lost || lost_names.contains({step.folder.get(), step.name});
    if (!lost) {
      make_durable(change);
      continue;
    }
    for (auto const& step : change) lost_names.insert({step.folder.get(), step.name});
  }
  // What survived in a folder that did not is out of reach with it.
  changes_.clear();
  std::vector<NodePtr> folders{root_};
  while (!folders.empty()) {
    auto const folder = std::move(folders.back());
    folders.pop_back();
    folder->entries = folder->durable;
    for (auto const& [name, node] : folder->entries)
      if (node->type == fs::Stat::Type::directory) folders.push_back(node);
  }
}

void SimNames::visit(std::function<void(Node&)> const& visitor) const {
  std::set<Node const*> seen;
  std::function<void(Node&)> const walk = [&](Node& node) {
    if (!seen.insert(&node).second) return;
    visitor(node);
    for (auto const& [name, child] : node.entries) walk(*child);
  };
  walk(*root_);
}

void SimNames::count_links() {
  visit([](Node& node) { node.links = 0; });
  visit([](Node& node) {
    for (auto const& [name, child] : node.entries) ++child->links;
  });
  root_->links = 1;
}

void SimNames::record(Change change) { changes_.push_back(std::move(change)); }

void SimNames::make_durable(Change const& change) {
  for (auto const& step : change) {
    if (step.after)
      step.folder->durable[step.name] = step.after;
    else
      step.folder->durable.erase(step.name);
  }
}

}  // namespace hubd::support
