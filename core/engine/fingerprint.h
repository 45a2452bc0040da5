// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "core/base/secret.h"
#include "core/hash/hasher.h"

namespace hubd::engine {

/// Keeps tokens apart without keeping them.
inline std::string fingerprint(Secret const& token) {
  if (token.empty()) return {};
  return hash::sha256(as_bytes(token.reveal())).hex();
}

}  // namespace hubd::engine
