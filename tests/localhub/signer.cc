// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/signer.h"

#include <charconv>

#include "tests/localhub/crypto.h"

namespace hubd::localhub {

Signer::Signer(Clock const& clock) : clock_(clock), key_(random_hex(32)) {}

std::int64_t Signer::unix_now() const {
  return std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch()).count();
}

std::string Signer::sign(std::string const& path, std::string const& params, std::int64_t lifetime_s) const {
  auto query = params + (params.empty() ? "" : "&") + "Expires=" + std::to_string(unix_now() + lifetime_s) +
               "&Epoch=" + std::to_string(epoch_);
  auto const signature = hmac_sha256_hex(key_, path + "\n" + Query(query).text_without("Signature"));
  return path + "?" + query + "&Signature=" + signature;
}

Signer::Verdict Signer::check(std::string const& path, Query const& query) const {
  auto const signature = query.get("Signature");
  auto const expires = query.get("Expires");
  if (!signature || !expires) return Verdict::forged;
  if (*signature != hmac_sha256_hex(key_, path + "\n" + query.text_without("Signature"))) return Verdict::forged;
  std::int64_t until = 0;
  std::from_chars(expires->data(), expires->data() + expires->size(), until);
  if (unix_now() >= until || query.get("Epoch") != std::to_string(epoch_)) return Verdict::expired;
  return Verdict::good;
}

}  // namespace hubd::localhub
