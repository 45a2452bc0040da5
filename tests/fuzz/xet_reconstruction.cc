// SPDX-License-Identifier: Apache-2.0
#include "core/xet/reconstruction.h"

#include "core/xet/reconstruction_check.h"
#include "core/xet/subtree.h"
#include "tests/fuzz/target.h"

// An answer of the CAS in any of its JSON forms.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const text = fuzz::text_of(data, size);
  for (bool const v1 : {false, true}) {
    auto const answer = v1 ? xet::parse_reconstruction_v1(text) : xet::parse_reconstruction_v2(text);
    if (!answer) continue;
    auto const again = v1 ? xet::parse_reconstruction_v1(xet::reconstruction_v1_json(*answer))
                          : xet::parse_reconstruction_v2(xet::reconstruction_v2_json(*answer));
    fuzz::promise(again.has_value(), "what was read can be written");
    fuzz::promise(again->terms == answer->terms, "terms stay what they are");
    auto const usable = xet::check_reconstruction(*answer, Extent{0, 1000});
    if (!usable) continue;
    fuzz::promise(*usable <= 1000, "an answer gives no more than was asked");
    for (auto const& term : answer->terms)
      fuzz::promise(term.first < term.end && answer->ranges.contains(term.xorb),
                    "a checked term has chunks and a range");
  }
  auto const tree = xet::Subtree::parse(text);
  if (!tree) return 0;
  auto const again = xet::Subtree::parse(tree->json());
  fuzz::promise(again.has_value() && again->json() == tree->json(), "a subtree stays what it is");
  (void)tree->root();
  auto const merged = xet::Subtree::merge(*tree, *tree);
  if (merged)
    fuzz::promise(merged->levels().size() <= tree->levels().size() + 80, "a tree is as high as its leaves make it");
  return 0;
}
