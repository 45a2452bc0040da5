// SPDX-License-Identifier: Apache-2.0
#include "core/store/recipe.h"
#include "tests/fuzz/target.h"

// A recipe that a disk gave back.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const text = fuzz::text_of(data, size);
  auto const recipe = store::parse_recipe(as_bytes(text));
  if (!recipe) return 0;
  Bytes sum = 0;
  for (auto const& chunk : recipe->chunks) sum += chunk.length;
  fuzz::promise(sum == recipe->size, "chunks add up");
  fuzz::promise(store::encode_recipe(*recipe) == text, "what was read is what was written");
  return 0;
}
