// SPDX-License-Identifier: Apache-2.0
// Speed of core/xet on one core; bytes are unpacked ones. Run by hand: build/release/bin/xet_bench
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "core/xet/chunker.h"
#include "core/xet/file_hasher.h"
#include "core/xet/shard_reader.h"
#include "core/xet/shard_writer.h"
#include "core/xet/xorb_reader.h"
#include "core/xet/xorb_writer.h"

namespace hubd::xet {
namespace {

using Buffer = std::vector<std::byte>;

constexpr std::size_t kSize = 64U << 20U;
constexpr std::size_t kBlock = 1U << 20U;

Buffer const& noise() {
  static Buffer const bytes = [] {
    std::mt19937_64 rng(1);
    Buffer made(kSize);
    for (auto& byte : made) byte = static_cast<std::byte>(rng() & 0xffU);
    return made;
  }();
  return bytes;
}

/// Weights of a model as they are: 32-bit floats around zero.
Buffer const& floats() {
  static Buffer const bytes = [] {
    std::mt19937_64 rng(2);
    std::normal_distribution<float> normal(0, 0.02F);
    Buffer made(kSize);
    for (std::size_t at = 0; at < kSize; at += sizeof(float)) {
      float const value = normal(rng);
      auto const raw = std::as_bytes(std::span(&value, 1));
      std::copy(raw.begin(), raw.end(), made.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return made;
  }();
  return bytes;
}

void cut(benchmark::State& state) {
  auto const& bytes = noise();
  for (auto _ : state) {
    Chunker chunker;
    std::size_t cuts = 0;
    for (std::span<std::byte const> rest(bytes); !rest.empty();) {
      auto const step = chunker.next(rest);
      cuts += step.cut ? 1 : 0;
      rest = rest.subspan(step.taken);
    }
    benchmark::DoNotOptimize(cuts);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kSize));
}
BENCHMARK(cut)->Unit(benchmark::kMillisecond);

void cut_and_hash(benchmark::State& state) {
  auto const& bytes = noise();
  for (auto _ : state) {
    FileHasher hasher;
    auto const nothing = [](HashedSize const&) {};
    for (std::size_t at = 0; at < kSize; at += kBlock) hasher.update(std::span(bytes).subspan(at, kBlock), nothing);
    benchmark::DoNotOptimize(hasher.finish(nothing));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kSize));
}
BENCHMARK(cut_and_hash)->Unit(benchmark::kMillisecond);

XorbWriter::Xorb pack(Buffer const& bytes, PackingPolicy policy) {
  XorbWriter writer(policy);
  Chunker chunker;
  for (std::span<std::byte const> rest(bytes); !rest.empty();) {
    auto const chunk = rest.first(chunker.next(rest).taken);
    chunker.reset();
    if (!writer.fits(chunk.size())) break;
    writer.add(chunk, chunk_hash(chunk));
    rest = rest.subspan(chunk.size());
  }
  return writer.finish();
}

void pack_xorb(benchmark::State& state, Buffer const& (*bytes)(), PackingPolicy policy) {
  auto const& input = bytes();  // made before the clock runs
  Bytes size = 0;
  Bytes packed = 0;
  for (auto _ : state) {
    auto const xorb = pack(input, policy);
    size += xorb.index.size();
    packed += xorb.body.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(size));
  state.counters["ratio"] = static_cast<double>(packed) / static_cast<double>(size);
}
BENCHMARK_CAPTURE(pack_xorb, floats_automatic, floats, PackingPolicy::automatic)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(pack_xorb, noise_automatic, noise, PackingPolicy::automatic)->Unit(benchmark::kMillisecond);

/// Unpack and hash: what a download does with what came.
void decode_xorb(benchmark::State& state, Buffer const& (*bytes)(), PackingPolicy policy) {
  auto const xorb = pack(bytes(), policy);
  for (auto _ : state) {
    XorbReader reader(XorbReader::FooterUse::refuse, nullptr);
    for (std::size_t at = 0; at < xorb.body.size(); at += kBlock)
      if (!reader.update(std::span(xorb.body).subspan(at, std::min(kBlock, xorb.body.size() - at))))
        state.SkipWithError("unusable");
    if (!reader.finish()) state.SkipWithError("unusable");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * xorb.index.size()));
}
BENCHMARK_CAPTURE(decode_xorb, noise_none, noise, PackingPolicy::none)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode_xorb, floats_lz4, floats, PackingPolicy::lz4)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode_xorb, floats_grouped_lz4, floats, PackingPolicy::grouped_lz4)->Unit(benchmark::kMillisecond);

void read_large_shard(benchmark::State& state) {
  // 16 xorbs of 8192 chunks: 6.3 MB of shard.
  std::mt19937_64 rng(3);
  Shard shard;
  for (int i = 0; i < 16; ++i) {
    ShardXorb xorb;
    xorb.xorb.bytes[0] = static_cast<std::byte>(i);
    for (std::uint32_t c = 0; c < 8192; ++c) {
      ShardChunk chunk;
      for (auto& byte : chunk.hash.bytes) byte = static_cast<std::byte>(rng() & 0xffU);
      chunk.offset = xorb.size;
      chunk.length = 8192;
      xorb.size += chunk.length;
      xorb.chunks.push_back(chunk);
    }
    shard.xorbs.push_back(std::move(xorb));
  }
  auto const bytes = write_shard(shard, std::nullopt);
  for (auto _ : state)
    if (!read_shard(*bytes)) state.SkipWithError("unusable");
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes->size()));
}
BENCHMARK(read_large_shard)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hubd::xet

BENCHMARK_MAIN();
