// SPDX-License-Identifier: Apache-2.0
#include "client/socket_owner.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <optional>

#include "client/environment.h"

namespace hubd::client {
namespace {

/// Who listens, as the kernel says; nullopt when the connection cannot be made at once.
std::optional<uid_t> listener_of(std::string const& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, socket.data(), socket.size());
  int const descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return std::nullopt;
  ucred peer{};
  socklen_t size = sizeof peer;
  bool const known = ::connect(descriptor, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0 &&
                     ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  ::close(descriptor);
  return known ? std::optional<uid_t>(peer.uid) : std::nullopt;
}

}  // namespace

Result<void> check_socket_owner(std::string const& socket) {
  auto const folder = std::filesystem::path(socket).parent_path().string();
  bool const of_host = socket == kSystemSocket;
  struct stat found{};
  if (::lstat(folder.c_str(), &found) != 0)
    return make_error(ErrorKind::unavailable, "hubd does not run: nobody answers at " + socket);
  auto const refuse = [&](std::string const& why) {
    return make_error(ErrorKind::permission_denied, "whoever listens at " + socket + " is not trusted with tokens: " +
                                                        why + "; remove the folder, or name a socket with --socket");
  };
  if (!S_ISDIR(found.st_mode)) return refuse(folder + " is not a folder");
  if (!of_host && found.st_uid != ::geteuid())
    return refuse("folder " + folder + " belongs to user " + std::to_string(found.st_uid));
  if ((found.st_mode & 0022U) != 0) return refuse("folder " + folder + " may be written by others");
  auto const listener = listener_of(socket);
  // A folder that passed lets nobody else listen there but by a descriptor made before; so a full queue is no reason.
  if (!listener || *listener == ::geteuid()) return {};
  if (of_host && (*listener == 0 || *listener == found.st_uid)) return {};
  return refuse("it is user " + std::to_string(*listener));
}

}  // namespace hubd::client
