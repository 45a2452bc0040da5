// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/fs/file_system.h"
#include "tests/support/sim_content.h"

namespace hubd::support {

/// The names of a simulated file system: folders, links, what a path leads to, and which names are on the platter.
/// Knows no faults, modes or space: SimFileSystem does. Not thread-safe. Failures are errno values; 0 is success.
class SimNames {
 public:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;  // shared by names, open files and the durable state
  struct Node {
    fs::Stat::Type type = fs::Stat::Type::regular;
    std::uint64_t number = 0;
    std::uint64_t links = 0;
    std::uint64_t handles = 0;  // open files and locks
    bool locked = false;
    mode_t mode = 0;
    std::int64_t mtime_ns = 0;
    SimContent content;                      // of a regular file
    std::string target;                      // of a symlink
    std::map<std::string, NodePtr> entries;  // of a directory
    std::map<std::string, NodePtr> durable;  // what would be there after lost power
  };
  /// Where a path leads: its folder, the last name, and what stands there, if anything. The root has no folder.
  struct Place {
    NodePtr folder;
    std::string name;
    NodePtr node;
  };

  SimNames();
  [[nodiscard]] NodePtr const& root() const { return root_; }
  NodePtr make_node(fs::Stat::Type type, mode_t mode);
  /// Walks an absolute path; `follow` resolves a symlink in the last place too, also a dangling one (its place is where
  /// the file would be made). Returns an errno: ENOENT, ENOTDIR, ELOOP, EACCES.
  int find(std::string const& path, bool follow, Place& place) const;
  /// Puts `node` at a free place.
  void add(Place const& place, NodePtr const& node);
  /// Takes the name at `place` away.
  void take(Place const& place);
  /// Both places at once. The callers has checked what may replace what.
  void move(Place const& from, Place const& to);
  [[nodiscard]] static bool is_inside(NodePtr const& folder, NodePtr const& node);
  void sync_folder(NodePtr const& folder);
  /// Power was lost: each change of names since its folder's sync survives if `random` says so and what it builds upon
  /// survived; null: none does.
  void lose_unsynced(Random* random);
  /// Every node that has a name, in the order of paths, once.
  void visit(std::function<void(Node&)> const& visitor) const;
  /// Recounts links after names were lost.
  void count_links();

 private:
  /// One name of one folder, before and after; null: no name.
  struct Step {
    NodePtr folder;
    std::string name;
    NodePtr before;
    NodePtr after;
  };
  /// Steps that happen together or not at all.
  using Change = std::vector<Step>;

  void record(Change change);
  static void make_durable(Change const& change);

  NodePtr root_;
  std::uint64_t next_number_ = 2;
  std::vector<Change> changes_;  // since the syncs of their folders, oldest first
};

}  // namespace hubd::support
