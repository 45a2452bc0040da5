// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/chunked.h"

#include <cassert>

namespace hubd::httpd {
namespace {

constexpr std::size_t framing_max = 8 * 1024;  // one size line, or all trailers
constexpr int digits_max = 15;                 // a size below 2^60

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void ChunkDecoder::step(char c) {
  if (++framing_ > framing_max) {
    state_ = State::failed;
    return;
  }
  auto const expect = [&](char wanted, State next) { state_ = c == wanted ? next : State::failed; };
  switch (state_) {
    case State::size: {
      int const digit = hex_value(c);
      if (digit >= 0) {
        left_ = left_ * 16 + static_cast<Bytes>(digit);
        if (++digits_ > digits_max) state_ = State::failed;
      } else if (digits_ == 0) {
        state_ = State::failed;
      } else if (c == '\r') {
        state_ = State::size_lf;
      } else {
        state_ = c == ';' || c == ' ' || c == '\t' ? State::extension : State::failed;
      }
      return;
    }
    case State::extension:
      if (c == '\r') state_ = State::size_lf;
      if (c == '\n') state_ = State::failed;
      return;
    case State::size_lf:
      expect('\n', left_ == 0 ? State::trailer_start : State::data);
      return;
    case State::data_cr:
      expect('\r', State::data_lf);
      return;
    case State::data_lf:
      expect('\n', State::size);
      left_ = 0;
      digits_ = 0;
      return;
    case State::trailer_start:
      state_ = c == '\r' ? State::end_lf : State::trailer;
      return;
    case State::trailer:
      if (c == '\n') state_ = State::trailer_start;
      return;
    case State::end_lf:
      expect('\n', State::done);
      return;
    case State::data:
    case State::done:
    case State::failed:
      return;
  }
}

std::size_t ChunkDecoder::feed(std::string_view in) {
  std::size_t eaten = 0;
  while (eaten < in.size() && state_ != State::data && !done() && !failed()) step(in[eaten++]);
  return eaten;
}

void ChunkDecoder::took(Bytes count) {
  assert(count <= data_left() && "more data taken than the chunk holds");
  left_ -= count;
  framing_ = 0;
  if (left_ == 0) state_ = State::data_cr;
}

}  // namespace hubd::httpd
