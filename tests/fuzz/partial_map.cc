// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/map_format.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const map = transfer::parse_map(std::as_bytes(std::span(data, size)));
  if (!map) return 0;
  fuzz::promise(map->records.size() * transfer::kMapRecordSize <= size, "no record comes from nowhere");
  for (auto const& record : map->records) {
    fuzz::promise(record.extent.length > 0 && record.extent.length <= transfer::kMapRecordLengthMax, "a record is of a length");
    fuzz::promise(record.extent.offset <= map->size && record.extent.length <= map->size - record.extent.offset,
                  "a record ends within the file");
  }
  return 0;
}
