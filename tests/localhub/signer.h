// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "tests/localhub/url.h"

namespace hubd::localhub {

/// Signs URLs as a CDN's owner does: HMAC over path, parameters, expiry. Not thread-safe: used under the Hub's lock.
class Signer {
 public:
  enum class Verdict { good, expired, forged };

  explicit Signer(Clock const& clock);
  /// `path?params&Expires=..&Epoch=..&Signature=..`; `params` is encoded query text or empty.
  [[nodiscard]] std::string sign(std::string const& path, std::string const& params, std::int64_t lifetime_s) const;
  [[nodiscard]] Verdict check(std::string const& path, Query const& query) const;
  /// All signatures given so far count as expired.
  void expire_all() { ++epoch_; }
  [[nodiscard]] std::int64_t unix_now() const;

 private:
  Clock const& clock_;
  std::string key_;
  std::uint64_t epoch_ = 0;
};

}  // namespace hubd::localhub
