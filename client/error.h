// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)
namespace hubd::client {

/// One value per thing a caller would do differently. The numbers are the wire contract (proto/hubd/v1/common.proto).
enum class ErrorKind : std::uint8_t {
  repository_not_found = 1,   ///< no such repo, or hidden from this token
  gated_repo = 2,             ///< the repo exists, this token has not been granted access
  revision_not_found = 3,     ///< branch, tag, PR ref or commit does not exist
  entry_not_found = 4,        ///< the file does not exist at that commit
  local_entry_not_found = 5,  ///< not in the cache, and the Hub could not be asked
  disabled_repo = 6,          ///< the Hub disabled the repo
  unauthorized = 7,           ///< token missing, wrong or too weak
  bad_request = 8,            ///< the input is wrong; nothing was tried
  offline = 9,                ///< a request would be needed, and offline mode forbids it
  rate_limited = 10,          ///< the rate window is empty and outlasts the deadline
  stalled = 11,               ///< no progress for the progress deadline on every route tried
  unreachable = 12,           ///< DNS, connect, TLS or proxy failed
  bad_upstream = 13,          ///< the Hub or CDN answered something that cannot be right
  corrupt = 14,               ///< bytes do not match their hash
  disk_full = 15,             ///< too little space, quota or floor
  io = 16,                    ///< another failure of the local disk or kernel
  permission_denied = 17,     ///< this user may not do that
  cancelled = 18,             ///< the caller asked to stop
  deadline_exceeded = 19,     ///< the call's own limit passed
  foreign_cache = 20,         ///< a cache root that this hubd does not own
  busy = 21,                  ///< somebody else holds the lock
  exhausted = 22,             ///< a limit of hubd itself
  unavailable = 23,           ///< hubd is stopping, went away, or is not there
  not_supported = 24,         ///< valid, but this hubd cannot do it
  internal = 25,              ///< a bug of hubd
  incomplete_snapshot = 26,   ///< some files of the listing are absent while offline
  // From 128 on: made on this side, never on the wire.
  not_mounted =
      128,  ///< hubd has the file, but this process does not see it: the cache is mounted elsewhere, or nowhere
};

/// The stable text form, as in JSON and logs: "repository_not_found". "unknown" for a number of a newer hubd.
std::string_view name_of(ErrorKind kind) noexcept;

/// Why a call failed. `message` is one sentence that names the object, the reason and what to do next. Holds no secret.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
  int http_status = 0;     ///< of the Hub's answer that caused it; 0: none
  std::string request_id;  ///< the Hub's
  std::string host;        ///< the failing step talked to
  std::optional<std::chrono::seconds> retry_after;
  std::string hint;  ///< what to do next, when it is not in the message
  std::string call_id;  ///< names the call in hubd's log and audit; "" when hubd was not reached
};

/// An Error made on this side.
inline Error make_error(ErrorKind kind, std::string message) {
  Error error;
  error.kind = kind;
  error.message = std::move(message);
  return error;
}

}  // namespace hubd::client
#pragma GCC visibility pop
