// SPDX-License-Identifier: Apache-2.0
#include "daemon/descriptor_ring.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace hubd::daemon {

DescriptorRing DescriptorRing::make() {
  constexpr rlim_t end_max = 65536;  // the kernel's table grows to the highest number in use
  rlimit limit{end_max, end_max};
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  auto const end = static_cast<int>(std::min(limit.rlim_cur, end_max));
  return {end / 2, end};
}

int DescriptorRing::take(int descriptor) {
  int moved = -1;
  for (int const from : {next_, begin_}) {
    moved = from < end_ ? ::fcntl(descriptor, F_DUPFD_CLOEXEC, from) : -1;
    if (moved >= 0 && moved < end_) break;
    if (moved >= 0) ::close(moved);
    moved = -1;
  }
  ::close(descriptor);
  if (moved >= 0) next_ = moved + 1;
  return moved;
}

}  // namespace hubd::daemon
