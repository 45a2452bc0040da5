// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace hubd {

/// One value per thing a caller would do differently, not per cause.
/// Each is mapped once to proto, to Python's exceptions and to an exit code (docs/architecture.md, "Errors").
/// The numbers are part of the wire contract (proto/hubd/v1/common.proto): never renumber, only append.
enum class ErrorKind : std::uint8_t {
  repository_not_found = 1,   ///< no such repo, or hidden from this token
  gated_repo = 2,             ///< the repo exists, this token has not been granted access
  revision_not_found = 3,     ///< branch, tag, PR ref or commit does not exist
  entry_not_found = 4,        ///< the file does not exist at that commit
  local_entry_not_found = 5,  ///< not in the cache, and the Hub could not be asked
  disabled_repo = 6,          ///< the Hub disabled the repo
  unauthorized = 7,           ///< token missing, wrong or too weak
  bad_request = 8,            ///< the caller's input is wrong; nothing was tried
  offline = 9,                ///< a request would be needed, and offline mode forbids it
  rate_limited = 10,          ///< the rate window is empty and outlasts the caller's deadline
  stalled = 11,               ///< no progress for the progress deadline on every route tried
  unreachable = 12,           ///< DNS, connect, TLS or proxy failed
  bad_upstream = 13,          ///< the Hub or CDN answered something that cannot be right
  corrupt = 14,               ///< bytes do not match their hash
  disk_full = 15,             ///< too little space, quota or floor
  io = 16,                    ///< another failure of the local disk or kernel
  permission_denied = 17,     ///< this principal may not do that
  cancelled = 18,             ///< the caller went away or asked to stop
  deadline_exceeded = 19,     ///< the caller's own deadline passed
  foreign_cache = 20,         ///< a cache root that this hubd does not own
  busy = 21,                  ///< somebody else holds the lock or the owner file
  exhausted = 22,             ///< a limit of hubd itself (connections, queue, memory)
  unavailable = 23,           ///< hubd is stopping, or not there
  not_supported = 24,         ///< valid, but this hubd cannot do it
  internal = 25,              ///< our bug
  incomplete_snapshot = 26,   ///< some files of the listing are absent while offline
};

/// The stable text form, as in JSON and logs: "repository_not_found".
std::string_view name_of(ErrorKind kind) noexcept;
/// Reverse of name_of; nothing for an unknown text.
std::optional<ErrorKind> error_kind_from(std::string_view name) noexcept;

/// What went wrong. `what` is one sentence that names the object (repo, file, host), the reason, and what to do next
/// where there is something to do. Never holds a secret.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string what;
  std::error_code cause{};   ///< errno, Asio, OpenSSL or SQLite code, for the log
  int http_status = 0;       ///< status of the answer that caused it; 0: none
  std::string request_id{};  ///< the Hub's X-Request-Id, when there was an answer
  std::string host{};        ///< host (and address) the failing step talked to
  std::optional<std::chrono::seconds> retry_after{};  ///< when the server said so
};

/// "what (request id ...)": the sentence as users see it.
std::string describe(Error const& error);

}  // namespace hubd
