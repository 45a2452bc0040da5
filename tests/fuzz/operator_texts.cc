// SPDX-License-Identifier: Apache-2.0
#include "core/base/call_note.h"
#include "daemon/doctor/judge.h"
#include "daemon/limits/cgroup.h"
#include "tests/fuzz/target.h"

// Two texts with an empty line between: of /proc/self/cgroup and of mountinfo; each is also tried as the small ones.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  if (size > 65536) return 0;
  auto const text = fuzz::text_of(data, size);
  auto const middle = text.find("\n\n");
  auto const first = text.substr(0, middle);
  auto const second = middle == std::string::npos ? std::string() : text.substr(middle + 2);
  for (auto const& file : daemon::memory_limit_files(first, second)) {
    bool const named = file.ends_with("/memory.max") || file.ends_with("/memory.limit_in_bytes");
    fuzz::promise(named, "only files of limits are named");
  }
  auto const limit = daemon::parse_memory_limit(first);
  fuzz::promise(!limit || *limit < (Bytes{1} << 62U), "no limit is no number");
  auto const date = daemon::parse_http_date(first);
  if (date) fuzz::promise(first.ends_with("GMT"), "a date ends in GMT");
  auto const [line, call] = split_call(first);
  fuzz::promise(call.empty() ? line == first : about_call(std::string(line), call) == first, "a note comes off and on again");
  return 0;
}
