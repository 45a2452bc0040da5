// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/httpd/server.h"
#include "daemon/services/callers.h"

namespace hubd::daemon {

/// GET and HEAD /content?type=model&repo=org%2Fname&revision=main&path=a%2Fb: one file's bytes, whole or one range, for
/// readers that seek in a file without downloading it. Published files come from the disk, others through hubd's own
/// connections; those are handed on, not stored.
///
/// What travels with a call of the API stands in headers here: X-Hubd-Endpoint, X-Hubd-Token, X-Hubd-Anonymous: 1,
/// X-Hubd-Offline: 1, and User-Agent. Errors are those of a unary call. On the engine's executor; everything referred to
/// outlives it.
class ContentRoute {
 public:
  ContentRoute(engine::Engine& engine, Callers const& callers) : engine_(engine), callers_(callers) {}
  asio::awaitable<void> handle(Principal principal, httpd::Request& request, httpd::Responder& responder);

 private:
  Result<engine::ContentRequest> translate(Principal principal, httpd::Request const& request) const;
  engine::Engine& engine_;
  Callers const& callers_;
};

/// One range of a file of `size` bytes, as a Range header asks for it. Nothing: the header is to be ignored.
/// Fails: bad_request, when it lies outside.
Result<std::optional<Extent>> parse_range(std::string_view header, Bytes size);

}  // namespace hubd::daemon
