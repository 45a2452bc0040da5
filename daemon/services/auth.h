// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/hub/hub_client.h"
#include "core/net/timers.h"
#include "daemon/registry.h"
#include "daemon/services/callers.h"
#include "daemon/token_store.h"
#include "hubd/v1/auth.pb.h"

namespace hubd::daemon {

/// hubd.v1.Auth: who a token is, and the owner's stored tokens. Those are shown to and changed by the owner alone; other
/// users who are served may ask who they are. On the engine's executor; everything referred to outlives it.
class Auth {
 public:
  struct Parts {
    TokenStore& tokens;
    hub::HubClient& hub;
    Callers const& callers;
    PeerPolicy const& policy;
    net::Timers& timers;
    asio::any_io_executor disk;
    Duration progress_timeout = std::chrono::seconds(10);  ///< of each step of the Hub's answer
  };
  explicit Auth(Parts parts) : parts_(std::move(parts)) {}
  void add_to(Registry& registry);

  Async<v1::WhoAmIResponse> who_am_i(Principal principal, v1::WhoAmIRequest request);
  Async<v1::LoginResponse> login(Principal principal, v1::LoginRequest request);
  Async<v1::LogoutResponse> logout(Principal principal, v1::LogoutRequest request);
  Async<v1::ListTokensResponse> list_tokens(Principal principal, v1::ListTokensRequest request);
  Async<v1::SwitchTokenResponse> switch_token(Principal principal, v1::SwitchTokenRequest request);
  Async<v1::GetTokenResponse> get_token(Principal principal, v1::GetTokenRequest request);

 private:
  Result<void> check_owner(Principal principal) const;
  Async<hub::Identity> identify(engine::Caller caller);
  /// Runs a change of the store on the disk pool, again while another program holds the lock.
  template <class Change>
  auto change_store(Change& change) -> asio::awaitable<std::invoke_result_t<Change&>>;

  Parts parts_;
};

}  // namespace hubd::daemon
