// SPDX-License-Identifier: Apache-2.0
#include "daemon/activation.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "daemon/config_keys.h"

namespace hubd::daemon {
namespace {

constexpr int first_descriptor = 3;
constexpr std::uint64_t descriptors_max = 64;

bool is_listening_unix(int descriptor) {
  int value = 0;
  socklen_t size = sizeof value;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) != 0 || value == 0) return false;
  size = sizeof value;
  if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &value, &size) != 0 || value != AF_UNIX) return false;
  size = sizeof value;
  return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value == SOCK_STREAM;
}

}  // namespace

Result<std::optional<HandedSockets>> handed_sockets(Environment const& environment) {
  auto const pid = variable(environment, "LISTEN_PID");
  if (pid.empty() || parse_count(pid) != static_cast<std::uint64_t>(getpid())) return std::optional<HandedSockets>();
  auto const count = parse_count(variable(environment, "LISTEN_FDS"));
  if (count == 0) return std::optional<HandedSockets>();
  if (count > descriptors_max) return fail(ErrorKind::bad_request, "LISTEN_FDS names too many descriptors");
  HandedSockets sockets;
  std::string_view names = variable(environment, "LISTEN_FDNAMES");
  for (int i = 0; i < static_cast<int>(count); ++i) {
    int const descriptor = first_descriptor + i;
    auto const colon = std::min(names.find(':'), names.size());
    auto const name = names.substr(0, colon);
    names.remove_prefix(std::min(colon + 1, names.size()));
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    int* const slot = name == "grpc" ? &sockets.grpc : name == "http" ? &sockets.http : nullptr;
    if (slot == nullptr || *slot >= 0)
      return fail(ErrorKind::bad_request, "socket " + std::to_string(descriptor) + " was handed over under the name \"" +
                                              std::string(name) + "\"; FileDescriptorName= must be grpc and http, once each");
    if (!is_listening_unix(descriptor))
      return fail(ErrorKind::bad_request, "the socket handed over as " + std::string(name) + " is not a listening Unix stream socket");
    *slot = descriptor;
  }
  if (sockets.grpc < 0 || sockets.http < 0)
    return fail(ErrorKind::bad_request, std::string("no socket was handed over under the name ") +
                                            (sockets.grpc < 0 ? "grpc" : "http"));
  return std::optional(sockets);
}

Notifier::Notifier(Environment const& environment) : path_(variable(environment, "NOTIFY_SOCKET")) {
  auto const interval = parse_count(variable(environment, "WATCHDOG_USEC"));
  auto const pid = variable(environment, "WATCHDOG_PID");
  if (interval > 0 && (pid.empty() || parse_count(pid) == static_cast<std::uint64_t>(getpid())))
    watchdog_ = std::chrono::microseconds(interval);
}

void Notifier::tell(std::string_view state) const {
  sockaddr_un address{};
  if (path_.empty() || path_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  if (path_.front() == '@') address.sun_path[0] = '\0';
  int const sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (sender < 0) return;
  auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  (void)sendto(sender, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr const*>(&address), size);
  ::close(sender);
}

}  // namespace hubd::daemon
