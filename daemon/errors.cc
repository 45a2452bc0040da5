// SPDX-License-Identifier: Apache-2.0
#include "daemon/errors.h"

#include <array>

#include "daemon/text.h"

namespace hubd::daemon {
namespace {

// gRPC's numbers, which are part of its wire format.
constexpr int kCancelled = 1, kInvalidArgument = 3, kDeadlineExceeded = 4, kNotFound = 5, kPermissionDenied = 7,
              kResourceExhausted = 8, kFailedPrecondition = 9, kAborted = 10, kUnimplemented = 12, kInternal = 13,
              kUnavailable = 14, kDataLoss = 15, kUnauthenticated = 16;

struct Code {
  std::string_view name;
  int http;
};
constexpr std::array<Code, 17> codes{{{"", 200},
                                      {"canceled", 499},
                                      {"unknown", 500},
                                      {"invalid_argument", 400},
                                      {"deadline_exceeded", 504},
                                      {"not_found", 404},
                                      {"already_exists", 409},
                                      {"permission_denied", 403},
                                      {"resource_exhausted", 429},
                                      {"failed_precondition", 400},
                                      {"aborted", 409},
                                      {"out_of_range", 400},
                                      {"unimplemented", 501},
                                      {"internal", 500},
                                      {"unavailable", 503},
                                      {"data_loss", 500},
                                      {"unauthenticated", 401}}};

Code const& code_of(int status) {
  bool const known = status >= 0 && static_cast<std::size_t>(status) < codes.size();
  return codes[known ? static_cast<std::size_t>(status) : 2];
}

}  // namespace

int status_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::repository_not_found:
    case ErrorKind::revision_not_found:
    case ErrorKind::entry_not_found:
    case ErrorKind::local_entry_not_found:
    case ErrorKind::incomplete_snapshot:
      return kNotFound;
    case ErrorKind::gated_repo:
    case ErrorKind::disabled_repo:
    case ErrorKind::permission_denied:
      return kPermissionDenied;
    case ErrorKind::unauthorized:
      return kUnauthenticated;
    case ErrorKind::bad_request:
      return kInvalidArgument;
    case ErrorKind::offline:
    case ErrorKind::foreign_cache:
      return kFailedPrecondition;
    case ErrorKind::rate_limited:
    case ErrorKind::disk_full:
    case ErrorKind::exhausted:
      return kResourceExhausted;
    case ErrorKind::stalled:
    case ErrorKind::unreachable:
    case ErrorKind::bad_upstream:
    case ErrorKind::unavailable:
      return kUnavailable;
    case ErrorKind::corrupt:
      return kDataLoss;
    case ErrorKind::cancelled:
      return kCancelled;
    case ErrorKind::deadline_exceeded:
      return kDeadlineExceeded;
    case ErrorKind::busy:
      return kAborted;
    case ErrorKind::not_supported:
      return kUnimplemented;
    case ErrorKind::io:
    case ErrorKind::internal:
      return kInternal;
  }
  return kInternal;
}

std::string_view connect_code(int status) { return code_of(status).name; }

int connect_http_status(int status) { return code_of(status).http; }

v1::ErrorDetail to_detail(Error const& error, std::string_view call) {
  v1::ErrorDetail detail;
  detail.set_kind(static_cast<v1::ErrorKind>(error.kind));
  detail.set_message(valid_utf8(error.what));
  detail.set_http_status(error.http_status);
  detail.set_request_id(valid_utf8(error.request_id));
  detail.set_host(valid_utf8(error.host));
  detail.set_call_id(std::string(call));
  if (error.retry_after) detail.set_retry_after_seconds(error.retry_after->count());
  return detail;
}

}  // namespace hubd::daemon
