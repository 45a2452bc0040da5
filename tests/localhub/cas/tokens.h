// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hubd::localhub {

/// What a CAS token allows.
struct XetToken {
  std::string repo;  ///< Repo::oid
  std::string user;  ///< empty: anonymous
  bool write = false;
  std::int64_t expires_s = 0;
};

/// The CAS tokens that the Hub handed out. Not thread-safe: its owner has a lock.
class XetTokens {
 public:
  /// Mints one of at least `length` characters.
  std::string mint(XetToken token, std::size_t length, std::int64_t now_s);
  /// Nothing when unknown, or expired at `now_s`.
  [[nodiscard]] std::optional<XetToken> find(std::string_view text, std::int64_t now_s) const;
  /// All that were handed out so far count as expired.
  void expire_all() { tokens_.clear(); }

 private:
  std::map<std::string, XetToken, std::less<>> tokens_;
};

}  // namespace hubd::localhub
