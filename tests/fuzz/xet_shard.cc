// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/xet/shard_reader.h"
#include "core/xet/shard_writer.h"
#include "tests/fuzz/target.h"

// First byte: in which pieces it comes; the rest: a shard.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  if (size == 0) return 0;
  auto const bytes = std::as_bytes(std::span(data, size)).subspan(1);
  auto const shard = xet::read_shard(bytes);
  xet::Shard pieces;
  xet::ShardReader reader({}, {[&pieces](xet::ShardFile file) -> Result<void> {
                                 pieces.files.push_back(std::move(file));
                                 return {};
                               },
                               [&pieces](xet::ShardXorb xorb) -> Result<void> {
                                 pieces.xorbs.push_back(std::move(xorb));
                                 return {};
                               }});
  bool ok = true;
  std::size_t const step = data[0] + 1U;
  for (std::size_t at = 0; at < bytes.size() && ok; at += step)
    ok = reader.update(bytes.subspan(at, std::min(step, bytes.size() - at))).has_value();
  if (ok) ok = reader.finish().has_value();
  fuzz::promise(ok == shard.has_value(), "it does not matter how a shard comes");
  xet::ShardReader::Options server;
  server.footer = false;
  if (shard) fuzz::promise(xet::read_shard(bytes, server).has_value(), "a server takes what a client takes");
  if (!shard) return 0;
  fuzz::promise(pieces.files == shard->files && pieces.xorbs == shard->xorbs, "it does not matter how a shard comes");
  std::size_t records = 0;
  for (auto const& file : shard->files) records += 1 + file.segments.size();
  for (auto const& xorb : shard->xorbs) records += 1 + xorb.chunks.size();
  fuzz::promise(records * 48 <= bytes.size(), "no record comes from nowhere");
  if (shard->footer) (void)xet::read_shard_lookups(bytes, *shard->footer).has_value();
  auto const written = xet::write_shard(*shard, std::nullopt);
  fuzz::promise(written.has_value(), "what was read can be written");
  auto const again = xet::read_shard(*written);
  fuzz::promise(
      again.has_value() && again->files.size() == shard->files.size() && again->xorbs.size() == shard->xorbs.size(),
      "and be read again");
  return 0;
}
