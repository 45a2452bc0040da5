// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/random.h"

namespace hubd::support {

/// The bytes of one simulated file: sparse, and aware of which of them are on the platter. Not thread-safe.
class SimContent {
 public:
  static constexpr Bytes kPage = 4096;
  static constexpr Bytes kSector = 512;  // what a disk writes whole or not at all

  [[nodiscard]] Bytes size() const { return size_; }
  [[nodiscard]] Bytes allocated() const { return (reserved_pages_ + pages_beyond_reserve_) * kPage; }
  Bytes read(Bytes offset, std::span<std::byte> out) const;
  /// How much of a write fits into `free` bytes of space, from its beginning.
  [[nodiscard]] Bytes fitting(Bytes offset, Bytes length, Bytes free) const;
  void write(Bytes offset, std::span<std::byte const> data);
  void truncate(Bytes size);
  /// What allocated() would become.
  [[nodiscard]] Bytes allocated_with(Bytes reserve) const;
  void reserve(Bytes size);
  void sync();
  /// Power was lost. Each sector is left as it was after one of the writes since the last sync, or as it was then; so is
  /// the size. Which, `random` says; null: as at the last sync.
  void lose_unsynced(Random* random);

 private:
  using Page = std::array<std::byte, kPage>;
  using Pages = std::map<std::uint64_t, std::shared_ptr<Page>>;  // shared with the durable state, copied when written
  /// One write or truncation since the last sync.
  struct Change {
    bool truncation = false;
    Bytes offset = 0;  // of the write
    Bytes size = 0;    // of the file afterwards
    std::vector<std::byte> data;
    std::vector<std::uint64_t> sectors;
  };
  static void load(Pages const& pages, Bytes offset, std::span<std::byte> out);
  static void store(Pages& pages, Bytes offset, std::span<std::byte const> data);
  static void cut(Pages& pages, Bytes size);
  static void apply(Pages& pages, Change const& change);
  static std::uint64_t pick(Random* random, std::uint64_t newest);
  void count_pages();

  Pages pages_;
  Bytes size_ = 0;
  std::uint64_t reserved_pages_ = 0;
  std::uint64_t pages_beyond_reserve_ = 0;
  Pages durable_pages_;
  Bytes durable_size_ = 0;
  std::vector<Change> changes_;
};

}  // namespace hubd::support
