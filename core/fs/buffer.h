// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace hubd::fs {

/// A block for I/O, aligned to a page: pread into and memcpy from badly aligned blocks is several times slower on some
/// processors. Fixed size, contents not initialised.
class Buffer {
 public:
  explicit Buffer(std::size_t size) : data_(static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded(size)))), size_(size) {
    if (!data_) throw std::bad_alloc();
  }
  [[nodiscard]] std::span<std::byte> span() { return {data_.get(), size_}; }
  [[nodiscard]] std::span<std::byte const> span() const { return {data_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kAlignment = 4096;
  static std::size_t rounded(std::size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_;
};

}  // namespace hubd::fs
