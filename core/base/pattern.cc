// SPDX-License-Identifier: Apache-2.0
#include "core/base/pattern.h"

#include <algorithm>

namespace hubd {
namespace {

/// Matches one `[...]` at pattern[at] against `c`. Sets `next` behind the set; nothing when the `[` is unclosed.
std::optional<bool> match_set(std::string_view pattern, std::size_t at, char c, std::size_t& next) {
  std::size_t i = at + 1;
  bool const negated = i < pattern.size() && pattern[i] == '!';
  if (negated) ++i;
  auto const close = pattern.find(']', i + 1 <= pattern.size() ? i + 1 : pattern.size());
  if (i >= pattern.size() || close == std::string_view::npos) return std::nullopt;
  auto const set = pattern.substr(i, close - i);
  bool found = false;
  for (std::size_t k = 0; k < set.size();) {
    auto const low = static_cast<unsigned char>(set[k]);
    auto const value = static_cast<unsigned char>(c);
    if (k + 2 < set.size() && set[k + 1] == '-') {
      auto const high = static_cast<unsigned char>(set[k + 2]);
      found = found || (low <= value && value <= high);
      k += 3;
    } else {
      found = found || low == value;
      ++k;
    }
  }
  next = close + 1;
  return found != negated;
}

std::string normalised(std::string_view text) {
  std::string copy(text);
  std::replace(copy.begin(), copy.end(), '\\', '/');
  return copy;
}

bool any_matches(std::vector<std::string> const& patterns, std::string_view path) {
  return std::any_of(patterns.begin(), patterns.end(), [path](std::string const& raw) {
    auto pattern = normalised(raw);
    if (pattern.ends_with('/')) pattern.push_back('*');
    return fnmatch(pattern, path);
  });
}

}  // namespace

bool fnmatch(std::string_view pattern, std::string_view path) {
  std::size_t p = 0;
  std::size_t s = 0;
  std::size_t star = std::string_view::npos;  // behind the last `*`
  std::size_t mark = 0;                       // where that `*` stopped eating
  while (s < path.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      mark = s;
      continue;
    }
    bool matched = false;
    std::size_t next = p + 1;
    if (p < pattern.size()) {
      if (pattern[p] == '?') {
        matched = true;
      } else if (pattern[p] == '[') {
        auto const set = match_set(pattern, p, path[s], next);
        matched = set ? *set : path[s] == '[';
      } else {
        matched = pattern[p] == path[s];
      }
    }
    if (matched) {
      p = next;
      ++s;
    } else if (star != std::string_view::npos) {
      p = star;
      s = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool PathFilter::keeps(std::string_view raw) const {
  auto const path = normalised(raw);
  if (allow && !any_matches(*allow, path)) return false;
  return !any_matches(ignore, path);
}

}  // namespace hubd
