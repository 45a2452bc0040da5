// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/system/result.hpp>
#include <string>
#include <system_error>

#include "core/base/error.h"

namespace hubd {

/// Called by Result::value() on an error; only tests and main reach it.
[[noreturn]] inline void throw_exception_from_error(Error const& error, boost::source_location const&) {
  throw std::system_error(error.cause, error.what);
}

/// A value, or the Error that prevented it. Tested where it returns: `if (!size) return size.error();`.
template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
 public:
  using boost::system::result<T, Error>::result;
};

/// Builds an Error in one expression: `return fail(ErrorKind::io, "rename x: ...", code);`.
inline Error fail(ErrorKind kind, std::string what, std::error_code cause = {}) {
  Error error;
  error.kind = kind;
  error.what = std::move(what);
  error.cause = cause;
  return error;
}

}  // namespace hubd
