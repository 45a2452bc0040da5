// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/hub.h"

#include "daemon/text.h"

namespace hubd::daemon {

void HubService::add_to(Registry& registry) { registry.unary("/hubd.v1.Hub/Invoke", *this, &HubService::invoke); }

Async<v1::InvokeResponse> HubService::invoke(Principal principal, v1::InvokeRequest request) {
  auto caller = callers_.caller(principal, request.caller());
  if (!caller) co_return caller.error();
  engine::LookupRequest lookup;
  lookup.caller = std::move(*caller);
  if (!request.method().empty()) lookup.method = request.method();
  lookup.path = request.path();
  lookup.query = request.query();
  lookup.body = request.body();
  if (request.max_age_ms() < 0) lookup.max_age = Duration::zero();
  if (request.max_age_ms() > 0) lookup.max_age = std::chrono::milliseconds(request.max_age_ms());
  auto const result = co_await engine_.lookup(std::move(lookup));
  if (!result) co_return result.error();
  auto const& answer = *result->answer;
  v1::InvokeResponse response;
  response.set_status(answer.status);
  response.set_url(valid_utf8(answer.url));
  response.set_body(answer.body);
  response.set_from_memory(result->from_memory);
  response.set_stale(result->stale);
  auto& headers = *response.mutable_headers();
  for (auto const& [name, value] : answer.headers) {
    auto& joined = headers[valid_utf8(name)];
    if (!joined.empty()) joined += ", ";
    joined += valid_utf8(value);
  }
  co_return response;
}

}  // namespace hubd::daemon
