// SPDX-License-Identifier: Apache-2.0
#include "client/error.h"

#include <array>

namespace hubd::client {
namespace {

// In the order of the enum, from 1.
constexpr std::array<std::string_view, 26> kNames{"repository_not_found",
                                                  "gated_repo",
                                                  "revision_not_found",
                                                  "entry_not_found",
                                                  "local_entry_not_found",
                                                  "disabled_repo",
                                                  "unauthorized",
                                                  "bad_request",
                                                  "offline",
                                                  "rate_limited",
                                                  "stalled",
                                                  "unreachable",
                                                  "bad_upstream",
                                                  "corrupt",
                                                  "disk_full",
                                                  "io",
                                                  "permission_denied",
                                                  "cancelled",
                                                  "deadline_exceeded",
                                                  "foreign_cache",
                                                  "busy",
                                                  "exhausted",
                                                  "unavailable",
                                                  "not_supported",
                                                  "internal",
                                                  "incomplete_snapshot"};

}  // namespace

std::string_view name_of(ErrorKind kind) noexcept {
  if (kind == ErrorKind::not_mounted) return "not_mounted";
  auto const number = static_cast<std::size_t>(kind);
  return number >= 1 && number <= kNames.size() ? kNames[number - 1] : "unknown";
}

}  // namespace hubd::client
