// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/chunked.h"

#include <algorithm>

#include "tests/fuzz/target.h"

// First byte: how many bytes come at a time. The same body in one piece must give the same.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  if (size == 0) return 0;
  auto const text = fuzz::text_of(data + 1, size - 1);
  auto const decode = [&text](std::size_t step, std::string& body) {
    httpd::ChunkDecoder decoder;
    std::size_t at = 0;
    while (at < text.size() && !decoder.done() && !decoder.failed()) {
      auto const piece = std::string_view(text).substr(at, step);
      if (decoder.data_left() > 0) {
        auto const count = static_cast<std::size_t>(std::min<Bytes>(decoder.data_left(), piece.size()));
        body.append(piece.substr(0, count));
        decoder.took(count);
        at += count;
      } else {
        auto const used = decoder.feed(piece);
        fuzz::promise(used <= piece.size(), "no more is used than there is");
        fuzz::promise(used > 0 || decoder.failed() || decoder.done() || decoder.data_left() > 0, "it gets on");
        at += used;
      }
    }
    return decoder.done();
  };
  std::string whole;
  std::string pieces;
  bool const done_whole = decode(text.size(), whole);
  bool const done_pieces = decode(1U + data[0] % 7U, pieces);
  fuzz::promise(done_whole == done_pieces, "pieces do not matter for the end");
  fuzz::promise(!done_whole || whole == pieces, "pieces do not matter for the body");
  return 0;
}
