// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/world.h"

#include <algorithm>
#include <cstdio>

#include "tests/localhub/crypto.h"
#include "tests/localhub/url.h"

namespace hubd::localhub {
namespace {

struct Node {
  std::map<std::string, Node> directories;
  std::map<std::string, std::string> files;  // name to blob id
};

// git's own tree objects: the ids are those `git` would compute.
std::string git_tree(Node const& node, std::string const& path, std::map<std::string, std::string>& ids) {
  std::map<std::string, std::string> lines;  // sorted as git does: a directory counts as "name/"
  for (auto const& [name, blob] : node.files) lines[name] = "100644 " + name + std::string(1, '\0') + raw_of(blob);
  for (auto const& [name, child] : node.directories) {
    auto const id = git_tree(child, path.empty() ? name : path + "/" + name, ids);
    lines[name + "/"] = "40000 " + name + std::string(1, '\0') + raw_of(id);
  }
  std::string body;
  for (auto const& line : lines) body += line.second;
  auto id = sha1_hex("tree " + std::to_string(body.size()) + std::string(1, '\0') + body);
  ids[path] = id;
  return id;
}

std::map<std::string, std::string> git_trees(Tree const& tree) {
  Node root;
  for (auto const& [path, entry] : tree) {
    auto* node = &root;
    auto const parts = split(path, '/');
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) node = &node->directories[parts[i]];
    node->files[parts.back()] = entry.oid();
  }
  std::map<std::string, std::string> ids;
  git_tree(root, "", ids);
  return ids;
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string Repo::space() const {
  auto const slash = id.find('/');
  return slash == std::string::npos ? std::string() : id.substr(0, slash);
}

bool Repo::has_ref(std::string_view name) const {
  std::string const text(name);
  return refs.contains(text) || refs.contains("refs/heads/" + text) || refs.contains("refs/tags/" + text);
}

std::shared_ptr<Commit const> Repo::resolve(std::string_view revision) const {
  std::string const text(revision == "HEAD" ? "main" : revision);  // @huggingface/hub asks for HEAD
  for (auto const& name : {"refs/heads/" + text, "refs/tags/" + text, text}) {
    auto const ref = refs.find(name);
    if (ref != refs.end()) return commits.at(ref->second);
  }
  auto const id_text = lower(text);
  if (id_text.size() < 4 || id_text.size() > 40 || !is_hex(id_text)) return nullptr;
  auto const first = commits.lower_bound(id_text);
  if (first == commits.end() || !first->first.starts_with(id_text)) return nullptr;
  auto const second = std::next(first);
  if (second != commits.end() && second->first.starts_with(id_text)) return nullptr;
  return first->second;
}

void World::put_user(User user) { users_[user.name] = std::move(user); }
void World::put_org(std::string const& name, std::vector<std::string> const& members) {
  auto& org = orgs_[name];
  org.name = name;
  org.members.insert(members.begin(), members.end());
}

User const* World::user_by_token(std::string_view token) const {
  for (auto const& [name, user] : users_) {
    if (user.token == token) return &user;
  }
  return nullptr;
}
User const* World::user(std::string_view name) const {
  auto const it = users_.find(name);
  return it == users_.end() ? nullptr : &it->second;
}
std::vector<std::string> World::orgs_of(std::string const& user) const {
  std::vector<std::string> names;
  for (auto const& [name, org] : orgs_) {
    if (org.members.contains(user)) names.push_back(name);
  }
  return names;
}

Repo* World::find(std::string_view type, std::string_view id) {
  auto const it = repos_.find({std::string(type), lower(id)});
  return it == repos_.end() ? nullptr : it->second.get();
}
std::string World::renamed(std::string_view type, std::string_view id) const {
  auto const it = redirects_.find({std::string(type), lower(id)});
  return it == redirects_.end() ? std::string() : it->second;
}

Repo& World::create(std::string const& type, std::string const& id, std::string const& date) {
  redirects_.erase({type, lower(id)});
  auto repo = std::make_unique<Repo>();
  repo->type = type;
  repo->id = id;
  repo->created = date;
  repo->oid = sha1_hex(type + ":" + id + ":" + std::to_string(++serial_)).substr(0, 24);
  auto& place = repos_[{type, lower(id)}];
  place = std::move(repo);
  return *place;
}

// By value: the argument is often the repo's own id.
void World::remove(std::string const& type, std::string id) {
  std::erase_if(redirects_, [&](auto const& item) { return item.first.first == type && lower(item.second) == lower(id); });
  repos_.erase({type, lower(id)});
}

void World::rename(std::string const& type, std::string from, std::string const& to) {
  auto node = repos_.extract({type, lower(from)});
  node.key() = {type, lower(to)};
  node.mapped()->id = to;
  repos_.insert(std::move(node));
  for (auto& [key, target] : redirects_) {
    if (key.first == type && lower(target) == lower(from)) target = to;
  }
  redirects_.erase({type, lower(to)});
  add_redirect(type, from, to);
}

void World::add_redirect(std::string const& type, std::string const& from, std::string const& to) {
  redirects_[{type, lower(from)}] = to;
}

std::vector<Repo const*> World::repos(std::string_view type) const {
  std::vector<Repo const*> found;
  for (auto const& [key, repo] : repos_) {
    if (key.first == type) found.push_back(repo.get());
  }
  return found;
}

bool World::may_write_namespace(std::string const& space, User const* user) const {
  if (user == nullptr || user->role != "write") return false;
  if (space == user->name) return true;
  auto const org = orgs_.find(space);
  return org != orgs_.end() && org->second.members.contains(user->name);
}
bool World::may_write(Repo const& repo, User const* user) const { return may_write_namespace(repo.space(), user); }

bool World::may_see(Repo const& repo, User const* user) const {
  if (!repo.is_private) return true;
  if (user == nullptr) return false;
  if (repo.space() == user->name) return true;
  auto const org = orgs_.find(repo.space());
  return org != orgs_.end() && org->second.members.contains(user->name);
}

bool World::may_read_files(Repo const& repo, User const* user) const {
  if (repo.gated.empty()) return true;
  if (user == nullptr) return false;
  if (repo.granted.contains(user->name) || repo.space() == user->name) return true;
  auto const org = orgs_.find(repo.space());
  return org != orgs_.end() && org->second.members.contains(user->name);
}

std::shared_ptr<Commit const> add_commit(Repo& repo, CommitDraft draft) {
  auto commit = std::make_shared<Commit>();
  commit->id = std::move(draft.id);
  commit->parent = std::move(draft.parent);
  commit->title = std::move(draft.title);
  commit->message = std::move(draft.message);
  commit->author = std::move(draft.author);
  commit->date = std::move(draft.date);
  commit->directories = git_trees(draft.tree);
  for (auto const& [path, entry] : draft.tree) {
    if (entry.lfs) repo.lfs_objects.insert(entry.content->sha256);
  }
  commit->tree = std::make_shared<Tree const>(std::move(draft.tree));
  if (commit->id.empty()) {
    auto const body = "tree " + commit->directories.at("") + "\n" + (commit->parent.empty() ? "" : "parent " + commit->parent + "\n") +
                      "author " + commit->author + " " + commit->date + "\n\n" + commit->title + "\n\n" + commit->message;
    commit->id = sha1_hex("commit " + std::to_string(body.size()) + std::string(1, '\0') + body);
  }
  repo.commits[commit->id] = commit;
  return commit;
}

std::pair<Tree::const_iterator, Tree::const_iterator> below(Tree const& tree, std::string const& directory) {
  if (directory.empty()) return {tree.begin(), tree.end()};
  return {tree.lower_bound(directory + "/"), tree.lower_bound(directory + "0")};  // '0' follows '/'
}

std::shared_ptr<Commit const> last_commit(Repo const& repo, std::shared_ptr<Commit const> from, std::string const& path) {
  auto const state = [&path](Commit const& commit) {
    auto const file = commit.tree->find(path);
    if (file != commit.tree->end()) return file->second.oid();
    auto const directory = commit.directories.find(path);
    return directory == commit.directories.end() ? std::string() : directory->second;
  };
  while (!from->parent.empty()) {
    auto const parent = repo.commits.find(from->parent);
    if (parent == repo.commits.end() || state(*parent->second) != state(*from)) return from;
    from = parent->second;
  }
  return from;
}

std::string singular(std::string_view name) {
  if (name == "models") return "model";
  if (name == "datasets") return "dataset";
  if (name == "spaces") return "space";
  if (name == "kernels") return "kernel";
  return {};
}
std::string plural(std::string_view type) { return std::string(type) + "s"; }
std::string url_prefix(std::string_view type) { return type == "model" ? std::string() : plural(type) + "/"; }

}  // namespace hubd::localhub
