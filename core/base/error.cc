// SPDX-License-Identifier: Apache-2.0
#include "core/base/error.h"

#include <array>
#include <utility>

namespace hubd {
namespace {

using Row = std::pair<ErrorKind, std::string_view>;
constexpr std::array<Row, 26> kNames{{
    {ErrorKind::repository_not_found, "repository_not_found"},
    {ErrorKind::gated_repo, "gated_repo"},
    {ErrorKind::revision_not_found, "revision_not_found"},
    {ErrorKind::entry_not_found, "entry_not_found"},
    {ErrorKind::local_entry_not_found, "local_entry_not_found"},
    {ErrorKind::disabled_repo, "disabled_repo"},
    {ErrorKind::unauthorized, "unauthorized"},
    {ErrorKind::bad_request, "bad_request"},
    {ErrorKind::offline, "offline"},
    {ErrorKind::rate_limited, "rate_limited"},
    {ErrorKind::stalled, "stalled"},
    {ErrorKind::unreachable, "unreachable"},
    {ErrorKind::bad_upstream, "bad_upstream"},
    {ErrorKind::corrupt, "corrupt"},
    {ErrorKind::disk_full, "disk_full"},
    {ErrorKind::io, "io"},
    {ErrorKind::permission_denied, "permission_denied"},
    {ErrorKind::cancelled, "cancelled"},
    {ErrorKind::deadline_exceeded, "deadline_exceeded"},
    {ErrorKind::foreign_cache, "foreign_cache"},
    {ErrorKind::busy, "busy"},
    {ErrorKind::exhausted, "exhausted"},
    {ErrorKind::unavailable, "unavailable"},
    {ErrorKind::not_supported, "not_supported"},
    {ErrorKind::internal, "internal"},
    {ErrorKind::incomplete_snapshot, "incomplete_snapshot"},
}};

}  // namespace

std::string_view name_of(ErrorKind kind) noexcept {
  for (auto const& [value, name] : kNames)
    if (value == kind) return name;
  return "unknown";
}

std::optional<ErrorKind> error_kind_from(std::string_view text) noexcept {
  for (auto const& [value, name] : kNames)
    if (name == text) return value;
  return std::nullopt;
}

std::string describe(Error const& error) {
  if (error.request_id.empty()) return error.what;
  return error.what + " (request id " + error.request_id + ")";
}

}  // namespace hubd
