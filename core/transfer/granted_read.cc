// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/granted_read.h"

namespace hubd::transfer {

Async<std::size_t> granted_read(Permit& permit, http::Response& response, std::span<std::byte> out, ReadWatch const* watch) {
  if (permit.allowed(1) == 0) {
    Time const asked = watch == nullptr ? Time{} : watch->clock.now();
    auto const more = co_await permit.more();
    if (!more) co_return more.error();
    if (watch != nullptr) watch->headway.forgive_wait(watch->clock.now() - asked);
  }
  auto const space = out.first(static_cast<std::size_t>(permit.allowed(out.size())));
  if (watch != nullptr) watch->meter.ask(watch->clock.now());
  auto const count = co_await response.read_some(space);
  if (count) permit.spend(*count);
  co_return count;
}

}  // namespace hubd::transfer
