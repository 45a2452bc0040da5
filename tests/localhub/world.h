// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/localhub/content.h"

namespace hubd::localhub {

struct User {
  std::string name;
  std::string token;
  std::string role = "write";  ///< of the token: read or write
};

struct Org {
  std::string name;
  std::set<std::string> members;
};

struct Entry {
  ContentPtr content;
  bool lfs = false;
  std::string xet = {};  ///< file id of an LFS file that the CAS can rebuild

  /// The git blob of this entry: of the pointer for LFS files.
  [[nodiscard]] std::string const& oid() const { return lfs ? content->pointer_sha1 : content->git_sha1; }
  /// What the Hub sends as ETag, without quotes.
  [[nodiscard]] std::string const& etag() const { return lfs ? content->sha256 : content->git_sha1; }
  friend bool operator==(Entry const& a, Entry const& b) {
    return a.lfs == b.lfs && a.content->sha256 == b.content->sha256;
  }
};

/// Files by full path, in byte order.
using Tree = std::map<std::string, Entry, std::less<>>;

struct Commit {
  std::string id;
  std::string parent;  ///< empty: none
  std::string title;
  std::string message;
  std::string author;
  std::string date;  ///< 2026-01-01T00:00:00.000Z
  std::shared_ptr<Tree const> tree;
  std::map<std::string, std::string> directories;  ///< path to git tree id; "" is the root
};

struct PullRequest {
  int number = 0;
  std::string title;
  std::string base;
};

struct Repo {
  std::string type;  ///< model, dataset, space, kernel
  std::string id;    ///< ns/name
  std::string oid;   ///< the "_id" of API answers
  bool is_private = false;
  bool disabled = false;
  std::string gated;  ///< empty, auto, manual
  std::set<std::string> granted;
  std::string sdk;
  std::string created;
  std::uint64_t downloads = 0;
  std::map<std::string, std::shared_ptr<Commit const>> commits;
  std::map<std::string, std::string> refs;  ///< refs/heads/main to commit id
  std::set<std::string> lfs_objects;
  std::vector<PullRequest> pull_requests;

  [[nodiscard]] std::string space() const;  ///< namespace; empty for a bare id
  /// Branch, tag, full ref, full or unique short commit hash.
  [[nodiscard]] std::shared_ptr<Commit const> resolve(std::string_view revision) const;
  /// Does `name` name a branch, tag or full ref?
  [[nodiscard]] bool has_ref(std::string_view name) const;
};

/// All users and repos of the Hub. Not thread-safe: its owner has a lock.
class World {
 public:
  void put_user(User user);
  void put_org(std::string const& name, std::vector<std::string> const& members);
  [[nodiscard]] User const* user_by_token(std::string_view token) const;
  [[nodiscard]] User const* user(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> orgs_of(std::string const& user) const;
  [[nodiscard]] bool org_exists(std::string const& name) const { return orgs_.contains(name); }

  /// Case-insensitive. Null when there is none of that name.
  Repo* find(std::string_view type, std::string_view id);
  /// The id a repo was renamed to; empty when it was not.
  [[nodiscard]] std::string renamed(std::string_view type, std::string_view id) const;
  Repo& create(std::string const& type, std::string const& id, std::string const& date);
  void remove(std::string const& type, std::string id);
  void rename(std::string const& type, std::string from, std::string const& to);
  void add_redirect(std::string const& type, std::string const& from, std::string const& to);
  [[nodiscard]] std::vector<Repo const*> repos(std::string_view type) const;

  [[nodiscard]] bool may_write(Repo const& repo, User const* user) const;
  [[nodiscard]] bool may_write_namespace(std::string const& space, User const* user) const;
  [[nodiscard]] bool may_see(Repo const& repo, User const* user) const;
  [[nodiscard]] bool may_read_files(Repo const& repo, User const* user) const;

 private:
  using Key = std::pair<std::string, std::string>;  // type, lower-case id
  std::map<std::string, User, std::less<>> users_;  // by name
  std::map<std::string, Org, std::less<>> orgs_;
  std::map<Key, std::unique_ptr<Repo>> repos_;
  std::map<Key, std::string> redirects_;
  std::uint64_t serial_ = 0;
};

/// What a new commit is made of. An empty `id` is computed, the same in every run.
struct CommitDraft {
  std::string id;
  std::string parent;
  std::string title;
  std::string message;
  std::string author;
  std::string date;
  Tree tree;
};

/// Adds the commit to the repo, without moving a ref.
std::shared_ptr<Commit const> add_commit(Repo& repo, CommitDraft draft);

/// The newest commit reachable from `from` that changed `path` (a file, or anything below a directory).
std::shared_ptr<Commit const> last_commit(Repo const& repo, std::shared_ptr<Commit const> from, std::string const& path);

/// First `max` entries at or below "dir/"; [first, last).
std::pair<Tree::const_iterator, Tree::const_iterator> below(Tree const& tree, std::string const& directory);

/// models, datasets, ... to model, dataset, ...; empty otherwise.
std::string singular(std::string_view plural);
std::string plural(std::string_view type);
/// "" for models, else "datasets/" and so on: the prefix of web URLs.
std::string url_prefix(std::string_view type);

}  // namespace hubd::localhub
