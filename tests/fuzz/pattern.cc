// SPDX-License-Identifier: Apache-2.0
#include "core/base/pattern.h"

#include "tests/fuzz/target.h"

// First line: a pattern; the rest: a path.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  if (size > 4096) return 0;
  auto const text = fuzz::text_of(data, size);
  auto const line = text.find('\n');
  auto const pattern = text.substr(0, line);
  auto const path = line == std::string::npos ? std::string() : text.substr(line + 1);
  bool const matches = fnmatch(pattern, path);
  if (pattern.find_first_of("*?[") == std::string::npos)
    fuzz::promise(matches == (pattern == path), "a pattern without wildcards is a name");
  fuzz::promise(fnmatch("*", path), "a star matches everything");
  PathFilter filter;
  filter.allow = {pattern};
  filter.ignore = {pattern};
  fuzz::promise(!filter.keeps(path), "what is ignored is not kept");
  return 0;
}
