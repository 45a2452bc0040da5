// SPDX-License-Identifier: Apache-2.0
#pragma once
// Not installed: Client::connect() calls it.
#include <string>

#include "client/result.h"

namespace hubd::client {

/// May tokens be handed to whoever listens at `socket`, a path that was not named by the user but follows from a rule?
///
/// The socket's folder must be a real folder of this user that nobody else may write, and this user must listen there.
/// At kSystemSocket, below root's /run, the folder may be anybody's, and its owner or root may listen too.
/// Fails: unavailable (no such folder), permission_denied.
Result<void> check_socket_owner(std::string const& socket);

}  // namespace hubd::client
