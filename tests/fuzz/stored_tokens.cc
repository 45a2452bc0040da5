// SPDX-License-Identifier: Apache-2.0
#include "core/hub/stored_tokens.h"

#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const text = fuzz::text_of(data, size);
  auto const tokens = hub::parse_stored_tokens(text);
  if (tokens) {
    auto const again = hub::parse_stored_tokens(hub::format_stored_tokens(*tokens));
    fuzz::promise(bool(again), "what is written can be read");
    fuzz::promise(again->size() <= tokens->size(), "no name begins another section");
  }
  auto const clean = hub::clean_token(text);
  fuzz::promise(clean.reveal().find_first_of("\r\n") == std::string::npos, "a token is one line");
  fuzz::promise(hub::mask_token(clean).size() <= 11, "a mask shows little");
  return 0;
}
