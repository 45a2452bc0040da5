// SPDX-License-Identifier: Apache-2.0
#include "core/cache/trees.h"

#include "core/base/repo.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const listing = cache::parse_tree(fuzz::text_of(data, size));
  if (!listing) return 0;
  for (auto const& file : *listing) fuzz::promise(bool(check_repo_path(file.path)), "every path stays in its snapshot");
  return 0;
}
