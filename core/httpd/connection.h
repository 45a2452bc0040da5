// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/httpd/server.h"
#include "core/httpd/wire.h"

namespace hubd::httpd {

/// Serves requests of one connection, one after the other, until either side ends it. Never throws.
/// Everything referred to outlives it.
asio::awaitable<void> serve_connection(Wire& wire, Peer const& peer, Options const& options, Handler const& handler,
                                       Clock const& clock, Log& log);

}  // namespace hubd::httpd
