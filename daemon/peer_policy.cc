// SPDX-License-Identifier: Apache-2.0
#include "daemon/peer_policy.h"

#include <sys/socket.h>

#include <charconv>

namespace hubd::daemon {

std::optional<int> descriptor_in(std::string_view grpc_peer) {
  if (!grpc_peer.starts_with("fd:")) return std::nullopt;
  auto const digits = grpc_peer.substr(3);
  int descriptor = -1;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), descriptor);
  if (error != std::errc() || end != digits.data() + digits.size() || descriptor < 0) return std::nullopt;
  return descriptor;
}

std::optional<uid_t> uid_of_peer(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || size != sizeof credentials)
    return std::nullopt;
  if (credentials.uid == static_cast<uid_t>(-1)) return std::nullopt;  // not a Unix socket
  return credentials.uid;
}

}  // namespace hubd::daemon
