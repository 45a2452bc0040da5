// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const settings = daemon::parse_toml(fuzz::text_of(data, size), "hubd.toml");
  if (!settings) fuzz::promise(settings.error().what.find("hubd.toml") != std::string::npos, "an error names the file");
  return 0;
}
