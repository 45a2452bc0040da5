// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubd {

/// Python's fnmatch on the whole path, case-sensitive (hub-files 9.4): `*` and `?` match `/` too, `[!a]` negates, an
/// unclosed `[` is literal, there is no escape. Linear-ish: never exponential in the pattern.
bool fnmatch(std::string_view pattern, std::string_view path);

/// huggingface_hub's allow/ignore filter. No allow list keeps everything, an empty one keeps nothing; then ignore drops.
/// A pattern ending in `/` means everything below it; `\` counts as `/`.
struct PathFilter {
  std::optional<std::vector<std::string>> allow;
  std::vector<std::string> ignore;

  [[nodiscard]] bool keeps(std::string_view path) const;
};

}  // namespace hubd
