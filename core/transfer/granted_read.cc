// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/granted_read.h"

namespace hubd::transfer {

Async<std::size_t> granted_read(Permit& permit, http::Response& response, std::span<std::byte> out, Clock const& clock, Time& turn,
                                RangeMeter& meter) {
  if (permit.allowed(1) == 0) {
    auto const more = co_await permit.more();
    if (!more) co_return more.error();
    turn = clock.now();
  }
  auto const space = out.first(static_cast<std::size_t>(permit.allowed(out.size())));
  meter.ask(clock.now());
  auto const count = co_await response.read_some(space);
  if (count) permit.spend(*count);
  co_return count;
}

}  // namespace hubd::transfer
