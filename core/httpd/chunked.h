// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/bytes.h"

namespace hubd::httpd {

/// The framing of a chunked body (RFC 9112, 7.1), apart from its data: data bytes never pass through here, so they can
/// go straight into the reader's buffer. Chunk extensions and trailers are skipped. No I/O; any input is safe.
class ChunkDecoder {
 public:
  /// Eats framing from the front of `in` until data comes next, the body ends or `in` is used up; returns the count eaten.
  std::size_t feed(std::string_view in);
  /// Data bytes that come next; 0: feed() comes next.
  [[nodiscard]] Bytes data_left() const { return state_ == State::data ? left_ : 0; }
  /// `count` data bytes were taken from the input.
  void took(Bytes count);
  [[nodiscard]] bool done() const { return state_ == State::done; }
  [[nodiscard]] bool failed() const { return state_ == State::failed; }

 private:
  enum class State : std::uint8_t {
    size, extension, size_lf, data, data_cr, data_lf, trailer_start, trailer, end_lf, done, failed
  };
  void step(char c);

  State state_ = State::size;
  Bytes left_ = 0;
  int digits_ = 0;
  std::size_t framing_ = 0;  // bytes since the last data, bounded
};

}  // namespace hubd::httpd
