// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/auth.h"

namespace hubd::daemon {
namespace {

constexpr auto lock_look = std::chrono::milliseconds(50);
constexpr auto lock_wait_max = std::chrono::seconds(10);

Error not_logged_in() {
  return fail(ErrorKind::unauthorized, "not logged in; store a token with `hubctl auth login`");
}

}  // namespace

void Auth::add_to(Registry& registry) {
  registry.unary("/hubd.v1.Auth/WhoAmI", *this, &Auth::who_am_i);
  registry.unary("/hubd.v1.Auth/Login", *this, &Auth::login);
  registry.unary("/hubd.v1.Auth/Logout", *this, &Auth::logout);
  registry.unary("/hubd.v1.Auth/ListTokens", *this, &Auth::list_tokens);
  registry.unary("/hubd.v1.Auth/SwitchToken", *this, &Auth::switch_token);
  registry.unary("/hubd.v1.Auth/GetToken", *this, &Auth::get_token);
}

Result<void> Auth::check_owner(Principal principal) const {
  if (principal.uid == parts_.policy.own()) return {};
  return fail(ErrorKind::permission_denied, "the stored tokens belong to user " + std::to_string(parts_.policy.own()) +
                                                ", whom this hubd runs as; give a token with the call");
}

Async<hub::Identity> Auth::identify(engine::Caller caller) {
  if (caller.offline)
    co_return fail(ErrorKind::offline, "who a token belongs to is known to " + caller.endpoint +
                                           " only, and this call is offline (HF_HUB_OFFLINE)");
  hub::CallContext context;
  context.token = caller.token;
  context.user_agent = caller.user_agent;
  context.progress_deadline = parts_.progress_timeout;
  context.deadline = caller.deadline;
  auto asking = parts_.hub.whoami(caller.endpoint, std::move(context));
  auto identity = co_await std::move(asking);
  co_return identity;
}

template <class Change>
auto Auth::change_store(Change& change) -> asio::awaitable<std::invoke_result_t<Change&>> {
  auto const until = parts_.timers.clock().now() + lock_wait_max;
  while (true) {
    auto done = co_await net::offload(parts_.disk, change);
    bool const again = !done && done.error().kind == ErrorKind::busy && parts_.timers.clock().now() < until;
    if (!again) co_return done;
    bool const slept = co_await parts_.timers.sleep_for(lock_look);
    if (!slept) co_return done;
  }
}

Async<v1::WhoAmIResponse> Auth::who_am_i(Principal principal, v1::WhoAmIRequest request) {
  auto caller = parts_.callers.caller(principal, request.caller());
  if (!caller) co_return caller.error();
  if (caller->token.empty()) co_return not_logged_in();
  v1::WhoAmIResponse response;
  response.set_endpoint(caller->endpoint);
  auto identifying = identify(std::move(*caller));
  auto identity = co_await std::move(identifying);
  if (!identity) co_return identity.error();
  response.set_name(identity->name);
  response.set_type(identity->type);
  for (auto const& org : identity->orgs) response.add_orgs(org);
  response.set_token_name(identity->token_name);
  response.set_token_role(identity->token_role);
  response.set_raw_json(identity->raw_json);
  co_return response;
}

Async<v1::LoginResponse> Auth::login(Principal principal, v1::LoginRequest request) {
  auto const allowed = check_owner(principal);
  if (!allowed) co_return allowed.error();
  auto& message = *request.mutable_caller();
  Secret const token = hub::clean_token(message.token());
  if (token.empty()) co_return fail(ErrorKind::bad_request, "no token was given to log in with");
  if (token.reveal().starts_with("api_org"))
    co_return fail(ErrorKind::bad_request,
                   "this is a token of an organization, which cannot log in; make one of your own in the Hub's settings");
  message.set_token(token.reveal());
  message.set_token_mode(v1::Caller::TOKEN_MODE_GIVEN);
  auto caller = parts_.callers.caller(principal, message);
  if (!caller) co_return caller.error();
  auto identifying = identify(std::move(*caller));
  auto const identity = co_await std::move(identifying);
  if (!identity) co_return identity.error();
  auto save = [&] { return parts_.tokens.save(identity->token_name, token); };
  auto saving = change_store(save);
  auto const saved = co_await std::move(saving);
  if (!saved) co_return saved.error();
  v1::LoginResponse response;
  response.set_token_name(identity->token_name);
  response.set_user(identity->name);
  response.set_token_path(parts_.tokens.token_path());
  co_return response;
}

Async<v1::LogoutResponse> Auth::logout(Principal principal, v1::LogoutRequest request) {
  auto const allowed = check_owner(principal);
  if (!allowed) co_return allowed.error();
  auto remove = [&] { return parts_.tokens.remove(request.token_name()); };
  auto removing = change_store(remove);
  auto const removed = co_await std::move(removing);
  if (!removed) co_return removed.error();
  v1::LogoutResponse response;
  for (auto const& name : removed->names) response.add_removed(name);
  response.set_active_removed(removed->active);
  co_return response;
}

Async<v1::ListTokensResponse> Auth::list_tokens(Principal principal, v1::ListTokensRequest) {
  auto const allowed = check_owner(principal);
  if (!allowed) co_return allowed.error();
  auto list = [this] { return parts_.tokens.list(); };
  auto const listed = co_await net::offload(parts_.disk, list);
  if (!listed) co_return listed.error();
  v1::ListTokensResponse response;
  response.set_active_not_stored(listed->active_not_stored);
  for (auto const& entry : listed->entries) {
    auto& token = *response.add_tokens();
    token.set_name(entry.name);
    token.set_masked(entry.masked);
    token.set_active(entry.active);
    if (entry.expires_at) token.set_expires_unix(*entry.expires_at);
  }
  co_return response;
}

Async<v1::SwitchTokenResponse> Auth::switch_token(Principal principal, v1::SwitchTokenRequest request) {
  auto const allowed = check_owner(principal);
  if (!allowed) co_return allowed.error();
  auto activate = [&] { return parts_.tokens.activate(request.token_name()); };
  auto activating = change_store(activate);
  auto const activated = co_await std::move(activating);
  if (!activated) co_return activated.error();
  v1::SwitchTokenResponse response;
  response.set_token_name(request.token_name());
  response.set_token_path(parts_.tokens.token_path());
  co_return response;
}

Async<v1::GetTokenResponse> Auth::get_token(Principal principal, v1::GetTokenRequest) {
  auto const allowed = check_owner(principal);
  if (!allowed) co_return allowed.error();
  auto const token = parts_.tokens.active();
  if (token.empty()) co_return not_logged_in();
  v1::GetTokenResponse response;
  response.set_token(token.reveal());
  co_return response;
}

}  // namespace hubd::daemon
