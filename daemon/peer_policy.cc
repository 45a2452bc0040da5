// SPDX-License-Identifier: Apache-2.0
#include "daemon/peer_policy.h"

#include <sys/socket.h>

#include <charconv>
#include <string>

namespace hubd::daemon {

Error PeerPolicy::refusal(std::optional<uid_t> uid) const {
  auto const who = uid ? "user " + std::to_string(*uid) : std::string("a peer without a user");
  auto text = who + " is not served by this hubd, which belongs to user " + std::to_string(own_);
  if (uid) text += "; its owner can list " + std::to_string(*uid) + " in security.allow_uids";
  return fail(ErrorKind::permission_denied, std::move(text));
}

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
