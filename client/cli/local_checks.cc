// SPDX-License-Identifier: Apache-2.0
#include "client/cli/local_checks.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

using client::Check;
using client::ErrorKind;

constexpr std::uint64_t kRoomMin = std::uint64_t{2} << 30U;

Check ok(std::string check, std::string what) { return {std::move(check), "ok", std::move(what), ""}; }

/// The folder itself, or the nearest one above it that exists: where hubd would make it.
std::string nearest_folder(std::string const& folder) {
  std::filesystem::path path(folder);
  std::error_code error;
  while (!std::filesystem::exists(path, error) && path.has_parent_path() && path != path.parent_path()) path = path.parent_path();
  return path.string();
}

}  // namespace

Check check_version(std::string_view ours, std::string_view hubds, bool auto_started) {
  auto const what = "hubctl " + std::string(ours) + ", hubd " + std::string(hubds);
  if (ours == hubds) return ok("version", what);
  return {"version", "warn", what,
          auto_started ? "`hubctl stop`; the next command starts the hubd that belongs to hubctl"
                       : "restart hubd with the same release as hubctl (`systemctl restart hubd`)"};
}

Check check_absent(client::Error const& error) {
  std::string remedy = "start it: `hubctl status`, or `systemctl --user start hubd`; then the network is examined too";
  if (error.kind == ErrorKind::permission_denied) remedy = "use a socket of your own (--socket, HUBD_SOCKET), or ask who runs that hubd to list your uid in security.allow_uids";
  if (error.kind == ErrorKind::deadline_exceeded) remedy = "it hangs: look at its log, then end it and start it again";
  return {"daemon", "fail", error.message, remedy};
}

std::vector<Check> check_variables(client::Variables const& variables) {
  std::vector<Check> checks;
  for (auto const* const name : {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"})
    if (client::is_true(variables, name))
      checks.push_back({"variables", "warn", std::string(name) + " is set: nothing that is not cached can be had", std::string("unset ") + name});
  auto const given = client::given_token(variables);
  auto const stored = client::file_token(variables);
  if (!given.empty() && !stored.empty() && given != stored)
    checks.push_back({"variables", "warn", "HF_TOKEN is another token than the stored one, and wins", "unset HF_TOKEN to use the token of `hubctl auth login`"});
  if (checks.empty()) checks.push_back(ok("variables", "nothing in the environment holds downloads up"));
  return checks;
}

std::vector<Check> check_cache(std::string const& root) {
  std::vector<Check> checks;
  auto const folder = nearest_folder(root);
  bool const there = folder == std::filesystem::path(root).string();
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    checks.push_back({"permissions", "fail", "this user cannot write " + folder + (there ? "" : ", where cache " + root + " would be made") + ": " + std::strerror(errno),
                      "give the folder to this user, or choose another cache with HF_HUB_CACHE"});
  else
    checks.push_back(ok("permissions", (there ? "cache " + root : folder + ", where cache " + root + " will be made,") + " can be written"));
  struct statvfs room {};
  if (::statvfs(folder.c_str(), &room) != 0) {
    checks.push_back({"disk", "fail", "the room at " + folder + " is not known: " + std::strerror(errno), "look at the disk and its mount"});
    return checks;
  }
  auto const free = std::uint64_t{room.f_bavail} * room.f_frsize;
  auto const what = human_size(free) + " free at " + folder;
  if (free < kRoomMin)
    checks.push_back({"disk", "warn", what, "free space: `hubctl cache ls`, `hubctl cache prune`"});
  else
    checks.push_back(ok("disk", what));
  return checks;
}

}  // namespace hubd::cli
