// SPDX-License-Identifier: Apache-2.0
// Seed files: README.md, "Seed files".
#include <algorithm>
#include <boost/json.hpp>
#include <stdexcept>

#include "tests/localhub/cas/body.h"
#include "tests/localhub/crypto.h"
#include "tests/localhub/hub.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

/// Malformed seeds end here; seed() turns it into an Error.
struct BadSeed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

constexpr std::int64_t kSeedTimeMs = 1'767'225'600'000;  // 2026-01-01, so that ids are the same in every run

std::string text_or(json::object const& object, std::string_view key, std::string fallback) {
  auto const* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return fallback;
  if (!value->is_string()) throw BadSeed("\"" + std::string(key) + "\" is a string");
  return std::string(value->get_string());
}

std::string text_of(json::object const& object, std::string_view key) {
  if (!object.contains(key)) throw BadSeed("\"" + std::string(key) + "\" is missing");
  return text_or(object, key, {});
}

bool flag_of(json::object const& object, std::string_view key) {
  auto const* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return false;
  if (!value->is_bool()) throw BadSeed("\"" + std::string(key) + "\" is true or false");
  return value->get_bool();
}

std::uint64_t number_of(json::object const& object, std::string_view key, std::uint64_t fallback) {
  auto const* value = object.if_contains(key);
  if (value == nullptr) return fallback;
  if (!value->is_number()) throw BadSeed("\"" + std::string(key) + "\" is a number");
  return value->to_number<std::uint64_t>();
}

json::array items_of(json::object const& object, std::string_view key) {
  auto const* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_array()) throw BadSeed("\"" + std::string(key) + "\" is a list");
  return value->get_array();
}

json::object pairs_of(json::object const& object, std::string_view key) {
  auto const* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_object()) throw BadSeed("\"" + std::string(key) + "\" is an object");
  return value->get_object();
}

json::object const& object_of(json::value const& value) {
  if (!value.is_object()) throw BadSeed("a list of objects holds something else");
  return value.get_object();
}

std::vector<std::string> strings_of(json::object const& object, std::string_view key) {
  std::vector<std::string> out;
  for (auto const& item : items_of(object, key)) {
    if (!item.is_string()) throw BadSeed("\"" + std::string(key) + "\" holds strings");
    out.emplace_back(item.get_string());
  }
  return out;
}

ContentPtr kept(Result<ContentPtr> content) {
  if (!content) throw BadSeed(content.error().what);
  return *content;
}

ContentPtr unedited(ContentStore& store, json::object const& file, std::uint64_t step) {
  if (file.contains("text")) return store.from_text(text_of(file, "text"));
  if (file.contains("from")) return kept(store.from_file(text_of(file, "from")));
  if (file.contains("base64")) {
    auto bytes = base64_decode(text_of(file, "base64"));
    if (!bytes) throw BadSeed("\"base64\" of " + text_of(file, "path") + " is malformed");
    return store.from_text(std::move(*bytes));
  }
  if (!file.contains("size")) throw BadSeed("file " + text_of(file, "path") + " has neither text, base64, from nor size");
  return kept(store.generated(number_of(file, "size", 0), number_of(file, "random_seed", 0) + step * 0x5851f42d4c957f2dULL));
}

// Some stretches of a file replaced; what is left of it is not stored again.
ContentPtr edited(ContentStore& store, ContentPtr const& base, json::array const& edits) {
  std::vector<Part> parts;
  auto const source = source_of(base);
  Bytes at = 0;
  for (auto const& value : edits) {
    auto const& edit = object_of(value);
    auto const from = number_of(edit, "at", 0);
    auto const size = number_of(edit, "size", 0);
    auto const to = from + number_of(edit, "remove", size);
    if (from < at || to > base->size) throw BadSeed("\"edits\" are in order, inside the file, and do not overlap");
    std::string fresh(size, '\0');
    generate_bytes(number_of(edit, "random_seed", 0), 0, std::as_writable_bytes(std::span(fresh)));
    parts.emplace_back(Stretch{source, at, from - at});
    parts.emplace_back(std::move(fresh));
    at = to;
  }
  parts.emplace_back(Stretch{source, at, base->size - at});
  Bytes size = 0;
  for (auto const& part : parts) size += size_of(part);
  auto const whole = joined(std::move(parts));
  if (size <= 1_MiB) {
    auto text = read_exactly(*whole, 0, static_cast<std::size_t>(size));
    if (!text) throw BadSeed(text.error().what);
    return store.from_text(std::move(*text));
  }
  Hash digest(Hash::Kind::sha256);
  std::vector<std::byte> buffer(256 * 1024);
  for (Bytes done = 0; done < size;) {
    auto const got = whole->read(done, buffer);
    if (!got) throw BadSeed(got.error().what);
    digest.update(std::span<std::byte const>(buffer).first(*got));
    done += *got;
  }
  return store.from_source(whole, digest.hex(), size);
}

ContentPtr content_of(ContentStore& store, json::object const& file, std::uint64_t step) {
  auto content = unedited(store, file, step);
  return file.contains("edits") ? edited(store, content, items_of(file, "edits")) : content;
}

SeedForm form_of(json::object const& file) {
  SeedForm form;
  auto const* options = file.at("xet").if_object();
  if (options == nullptr) return form;
  auto const scheme = text_or(*options, "scheme", "none");
  if (scheme == "auto") {
    form.scheme.reset();
  } else if (scheme == "lz4") {
    form.scheme = kSchemeLz4;
  } else if (scheme == "bg4") {
    form.scheme = kSchemeGrouped;
  } else if (scheme != "none") {
    throw BadSeed("no scheme is called " + scheme + "; there are none, lz4, bg4 and auto");
  }
  form.xorb_chunks = std::clamp<std::size_t>(number_of(*options, "xorb_chunks", kXorbChunksMax), 1, kXorbChunksMax);
  if (options->contains("dedup")) form.dedup = flag_of(*options, "dedup");
  return form;
}

bool xet_of(json::object const& file) {
  auto const* value = file.if_contains("xet");
  return value != nullptr && (value->is_object() || flag_of(file, "xet"));
}

bool lfs_of(json::object const& file, std::string const& path, Content const& content, std::string const& attributes) {
  if (file.contains("lfs")) return flag_of(file, "lfs");
  if (attributes_lfs(attributes, path) || content.size >= 10'000'000) return true;
  return !content.file.empty() || content.source || looks_binary(content.text);
}

std::string attributes_of(Tree const& tree) {
  auto const it = tree.find(".gitattributes");
  return it == tree.end() ? default_gitattributes() : it->second.content->text;
}

void add_files(ContentStore& store, Cas& cas, Repo const& repo, Tree& tree, json::object const& commit) {
  for (auto const& item : items_of(commit, "files")) {
    if (text_of(object_of(item), "path") == ".gitattributes") tree[".gitattributes"] = {content_of(store, object_of(item), 0), false};
  }
  auto const attributes = attributes_of(tree);
  for (auto const& item : items_of(commit, "files")) {
    auto const& file = object_of(item);
    auto const pattern = text_of(file, "path");
    bool const many = file.contains("count");
    auto const count = number_of(file, "count", 1);
    for (std::uint64_t i = 0; i < count; ++i) {
      auto path = pattern;
      if (auto const hole = path.find("{}"); many && hole != std::string::npos) path.replace(hole, 2, std::to_string(i));
      auto const content = content_of(store, file, i);
      bool const xet = xet_of(file);
      auto const lfs = xet || lfs_of(file, path, *content, attributes);
      if (!lfs && content->git_sha1.empty()) throw BadSeed(path + " is too large for a regular file");
      tree[path] = {content, lfs};
      if (!xet) continue;
      if (!cas.foreign.empty()) throw BadSeed(path + ": with another CAS behind the Hub, Xet files come by upload");
      auto const seeded = cas.store.seed(content, form_of(file), repo.oid);
      if (!seeded) throw BadSeed(seeded.error().what);
      tree[path].xet = seeded->text();
    }
  }
}

std::string ref_of(std::string const& branch) { return branch.starts_with("refs/") ? branch : "refs/heads/" + branch; }

std::string resolved(Repo const& repo, std::string const& revision) {
  auto const commit = repo.resolve(revision);
  if (!commit) throw BadSeed(repo.id + " has no revision " + revision);
  return commit->id;
}

void add_seed_commit(ContentStore& store, Cas& cas, Repo& repo, json::object const& item) {
  auto const ref = ref_of(text_or(item, "branch", "main"));
  CommitDraft draft;
  auto const place = repo.refs.find(ref);
  if (place != repo.refs.end()) {
    draft.parent = place->second;
  } else if (item.contains("from")) {
    draft.parent = resolved(repo, text_of(item, "from"));
  }
  if (!draft.parent.empty()) draft.tree = *repo.commits.at(draft.parent)->tree;
  draft.id = text_or(item, "id", {});
  if (!draft.id.empty() && (draft.id.size() != 40 || raw_of(draft.id).size() != 20 || lower(draft.id) != draft.id)) {
    throw BadSeed("commit id " + draft.id + " is not 40 lower-case hex digits");
  }
  draft.title = text_or(item, "title", "commit " + std::to_string(repo.commits.size() + 1));
  draft.message = text_or(item, "message", {});
  draft.author = text_or(item, "author", repo.space().empty() ? "hubd" : repo.space());
  draft.date = text_or(item, "date", date_text(kSeedTimeMs + static_cast<std::int64_t>(repo.commits.size()) * 60'000));
  for (auto const& path : strings_of(item, "delete")) {
    draft.tree.erase(path);
    auto const [first, last] = below(draft.tree, path);
    draft.tree.erase(first, last);
  }
  add_files(store, cas, repo, draft.tree, item);
  auto const commit = add_commit(repo, std::move(draft));
  repo.refs[ref] = commit->id;
  if (ref.starts_with("refs/pr/")) {
    auto const number = std::atoi(ref.c_str() + 8);
    bool known = false;
    for (auto const& one : repo.pull_requests) known = known || one.number == number;
    if (!known) repo.pull_requests.push_back({number, commit->title, "main"});
  }
  for (auto const& tag : strings_of(item, "tags")) repo.refs["refs/tags/" + tag] = commit->id;
}

void add_refs(Repo& repo, json::object const& item) {
  for (auto const& [key, prefix] : {std::pair{"branches", "refs/heads/"}, std::pair{"tags", "refs/tags/"}, std::pair{"converts", "refs/convert/"}}) {
    for (auto const& [name, revision] : pairs_of(item, key)) {
      if (!revision.is_string()) throw BadSeed(std::string(key) + " name revisions by strings");
      repo.refs[prefix + std::string(name)] = resolved(repo, std::string(revision.get_string()));
    }
  }
}

void add_repo(World& world, ContentStore& store, Cas& cas, json::object const& item) {
  auto const type = text_or(item, "type", "model");
  if (singular(plural(type)).empty()) throw BadSeed("no repo type is called " + type);
  auto const id = text_of(item, "id");
  auto* repo = world.find(type, id);
  if (repo == nullptr) repo = &world.create(type, id, date_text(kSeedTimeMs));
  if (item.contains("private")) repo->is_private = flag_of(item, "private");
  if (item.contains("disabled")) repo->disabled = flag_of(item, "disabled");
  if (auto const* gated = item.if_contains("gated"); gated != nullptr && gated->is_string()) repo->gated = text_of(item, "gated");
  for (auto const& name : strings_of(item, "granted")) repo->granted.insert(name);
  repo->sdk = text_or(item, "sdk", repo->sdk);
  for (auto const& commit : items_of(item, "commits")) add_seed_commit(store, cas, *repo, object_of(commit));
  add_refs(*repo, item);
}

void add_rename(World& world, std::string_view from, std::string_view to) {
  std::string type = "model";
  for (auto const* prefix : {"datasets/", "spaces/", "kernels/"}) {
    if (!from.starts_with(prefix)) continue;
    type = singular(from.substr(0, from.find('/')));
    from.remove_prefix(std::string_view(prefix).size());
    if (to.starts_with(prefix)) to.remove_prefix(std::string_view(prefix).size());
  }
  world.add_redirect(type, std::string(from), std::string(to));
}

}  // namespace

Result<void> Hub::seed(json::value const& document) try {
  auto const& root = object_of(document);
  for (auto const& [key, value] : root) {
    if (key != "users" && key != "orgs" && key != "repos" && key != "renames" && key != "knobs") {
      throw BadSeed("no section is called \"" + std::string(key) + "\"");
    }
  }
  for (auto const& item : items_of(root, "users")) {
    auto const& user = object_of(item);
    world.put_user({text_of(user, "name"), text_of(user, "token"), text_or(user, "role", "write")});
  }
  for (auto const& item : items_of(root, "orgs")) {
    auto const& org = object_of(item);
    world.put_org(text_of(org, "name"), strings_of(org, "members"));
  }
  for (auto const& item : items_of(root, "repos")) add_repo(world, store, cas, object_of(item));
  for (auto const& [from, to] : pairs_of(root, "renames")) {
    if (!to.is_string()) throw BadSeed("\"renames\" maps names to names");
    add_rename(world, from, std::string_view(to.get_string()));
  }
  if (auto const* some = root.if_contains("knobs")) return knobs.set(*some);
  return {};
} catch (BadSeed const& problem) {
  return fail(ErrorKind::bad_request, std::string("localhub: the seed is wrong: ") + problem.what());
}

}  // namespace hubd::localhub
