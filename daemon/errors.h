// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

#include "core/base/error.h"
#include "hubd/v1/common.pb.h"

namespace hubd::daemon {

/// What a failed call carries on both transports.
/// `call`: the id of the call that failed.
v1::ErrorDetail to_detail(Error const& error, std::string_view call = {});

/// The gRPC status code of a kind, as a number (grpc::StatusCode); Connect's codes are the same under names.
/// The one place where ErrorKind meets the transports.
int status_code(ErrorKind kind);
/// Connect's name of a status code: "invalid_argument".
std::string_view connect_code(int status_code);
/// The HTTP status that Connect gives to a unary error.
int connect_http_status(int status_code);

}  // namespace hubd::daemon
