// SPDX-License-Identifier: Apache-2.0
#include "daemon/paths.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace hubd::daemon {
namespace {

std::string under(Environment const& environment, std::string_view name, std::string_view below_home) {
  auto const set = variable(environment, name);
  return set.starts_with('/') ? std::string(set) : home_folder(environment) + std::string(below_home);
}

Error errno_error(std::string what) {
  auto const code = errno;
  return fail(code == EACCES || code == EPERM || code == EROFS ? ErrorKind::permission_denied : ErrorKind::io,
              std::move(what) + ": " + std::strerror(code), std::error_code(code, std::generic_category()));
}

}  // namespace

std::string hf_home(Environment const& environment) {
  if (auto const set = variable(environment, "HF_HOME"); !set.empty())
    return std::filesystem::absolute(expand_path(std::string(set), environment)).string();
  return under(environment, "XDG_CACHE_HOME", "/.cache") + "/huggingface";
}

std::string default_cache_root(Environment const& environment) {
  return under(environment, "XDG_CACHE_HOME", "/.cache") + "/huggingface/hub";
}

std::string default_socket(Environment const& environment, uid_t uid) {
  auto const runtime = variable(environment, "XDG_RUNTIME_DIR");
  if (runtime.starts_with('/')) return std::string(runtime) + "/hubd/hubd.sock";
  return "/tmp/hubd-" + std::to_string(uid) + "/hubd.sock";
}

std::string default_config_file(Environment const& environment) {
  return under(environment, "XDG_CONFIG_HOME", "/.config") + "/hubd/hubd.toml";
}

std::string overlay_of(std::string const& config_file) {
  std::filesystem::path path(config_file);
  path.replace_extension();
  return path.string() + ".overlay.toml";
}

std::string token_path(Environment const& environment) {
  if (auto const set = variable(environment, "HF_TOKEN_PATH"); !set.empty())
    return std::filesystem::absolute(expand_path(std::string(set), environment)).string();
  return hf_home(environment) + "/token";
}

Result<void> prepare_socket_folder(std::string const& socket) {
  auto const folder = std::filesystem::path(socket).parent_path();
  std::error_code made;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), made);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return errno_error("make socket folder " + folder.string());
  struct stat found {};
  if (lstat(folder.c_str(), &found) != 0) return errno_error("look at socket folder " + folder.string());
  auto const refuse = [&](std::string const& why) {
    return fail(ErrorKind::permission_denied,
                "socket folder " + folder.string() + " " + why + "; remove it or choose another with --socket");
  };
  if (!S_ISDIR(found.st_mode)) return refuse("is not a folder");
  if (found.st_uid != geteuid()) return refuse("belongs to user " + std::to_string(found.st_uid));
  if ((found.st_mode & 0022U) != 0) return refuse("may be written by others");
  return {};
}

}  // namespace hubd::daemon
