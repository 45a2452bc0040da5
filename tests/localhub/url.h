// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubd::localhub {

/// `%41` to `A`; with `plus`, `+` to a blank as forms have it. Malformed escapes stay as they are.
std::string percent_decode(std::string_view text, bool plus = false);
/// Everything but A-Za-z0-9_.-~ and the characters of `safe`.
std::string percent_encode(std::string_view text, std::string_view safe = "");
/// Splits at '/', keeping empty parts except a leading one: "/a//b" is {"a","","b"}.
std::vector<std::string> split_path(std::string_view path);
std::vector<std::string> split(std::string_view text, char separator);
std::string lower(std::string_view text);
std::string_view trim(std::string_view text);

/// Decoded `a=b&c=d` pairs in order.
class Query {
 public:
  Query() = default;
  explicit Query(std::string_view text);
  /// The first value, or nothing.
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  /// All values of `key` and of `key[]`.
  [[nodiscard]] std::vector<std::string> all(std::string_view key) const;
  /// `true`, `1`, `True`.
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> const& pairs() const { return pairs_; }
  /// As text again, encoded, without `dropped`.
  [[nodiscard]] std::string text_without(std::string_view dropped) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace hubd::localhub
