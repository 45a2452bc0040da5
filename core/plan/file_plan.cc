// SPDX-License-Identifier: Apache-2.0
#include "core/plan/file_plan.h"

#include <algorithm>

namespace hubd::plan {
namespace {

void add_pieces(std::vector<Step>& steps, Bytes begin, Bytes end, Bytes range_max) {
  while (begin < end) {
    Bytes const length = std::min(range_max, end - begin);
    steps.push_back({{begin, length}, Holder::network});
    begin += length;
  }
}

}  // namespace

std::vector<Step> plan_file(Known const& known, Bytes range_max) {
  std::vector<Step> steps;
  if (known.size == 0) return steps;
  if (known.published) {
    steps.push_back({{0, known.size}, Holder::blob});
    return steps;
  }
  Bytes at = 0;
  for (auto const& extent : known.partial) {
    Bytes const begin = std::min(std::max(extent.offset, at), known.size);
    Bytes const end = std::min(extent.end(), known.size);
    if (end <= begin) continue;
    add_pieces(steps, at, begin, range_max);
    steps.push_back({{begin, end - begin}, Holder::partial});
    at = end;
  }
  add_pieces(steps, at, known.size, range_max);
  return steps;
}

std::vector<Extent> gaps(Bytes size, std::vector<Extent> const& present, Bytes range_max) {
  std::vector<Extent> missing;
  for (auto const& step : plan_file({size, false, present}, range_max))
    if (step.holder == Holder::network) missing.push_back(step.extent);
  return missing;
}

}  // namespace hubd::plan
