// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/tokens.h"

#include "tests/localhub/crypto.h"

namespace hubd::localhub {

std::string XetTokens::mint(XetToken token, std::size_t length, std::int64_t now_s) {
  std::erase_if(tokens_, [now_s](auto const& item) { return item.second.expires_s + 3600 < now_s; });
  auto text = "xet_" + std::string(token.write ? "w" : "r") + random_hex(24);
  if (text.size() < length) text.append(length - text.size(), 'x');
  tokens_[text] = std::move(token);
  return text;
}

std::optional<XetToken> XetTokens::find(std::string_view text, std::int64_t now_s) const {
  auto const it = tokens_.find(text);
  if (it == tokens_.end() || it->second.expires_s <= now_s) return std::nullopt;
  return it->second;
}

}  // namespace hubd::localhub
