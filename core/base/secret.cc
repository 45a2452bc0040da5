// SPDX-License-Identifier: Apache-2.0
#include "core/base/secret.h"

#include <string.h>  // explicit_bzero is glibc's, not std's

namespace hubd {

void Secret::wipe() noexcept {
  if (!value_.empty()) ::explicit_bzero(value_.data(), value_.size());
  value_.clear();
}

}  // namespace hubd
