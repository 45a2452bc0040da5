// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>

#include "core/base/log.h"
#include "core/httpd/server.h"
#include "daemon/call.h"
#include "daemon/peer_policy.h"
#include "daemon/registry.h"

namespace hubd::daemon {

/// The API as JSON over HTTP, by the Connect protocol: POST /hubd.v1.Downloads/Ensure.
///
/// Unary: application/json both ways. Streams: application/connect+json, each message behind a flag byte and a 4-byte
/// length, the last with flag 2; asked in plain application/json they answer one JSON object per line. Errors carry
/// hubd.v1.ErrorDetail, also readable under `debug`. GET /healthz, /metrics and /content stand beside it.
class ConnectApi {
 public:
  /// Serves one request of /content for somebody who may be served.
  using Content = std::function<asio::awaitable<void>(Principal, httpd::Request&, httpd::Responder&)>;
  /// Everything referred to outlives the object. `metrics` makes the text of /metrics.
  ConnectApi(Registry const& registry, PeerPolicy const& policy, CallCounter& calls, std::function<std::string()> metrics,
             Content content, Log& log);
  /// Serves one request; to be used as httpd's handler.
  asio::awaitable<void> handle(httpd::Request& request, httpd::Responder& responder);

 private:
  asio::awaitable<void> answer_call(Method const& method, Principal principal, httpd::Request& request,
                                    httpd::Responder& responder);
  asio::awaitable<void> hand_over(Principal principal, httpd::Request& request, httpd::Responder& responder) {
    return content_(principal, request, responder);
  }
  asio::awaitable<void> unary(Method const& method, Principal principal, MessagePtr message, std::string call, httpd::Responder& responder);
  asio::awaitable<void> stream(Method const& method, Principal principal, MessagePtr message, std::string call, bool enveloped,
                               httpd::Responder& responder);

  Registry const& registry_;
  PeerPolicy const& policy_;
  CallCounter& calls_;
  std::function<std::string()> metrics_;
  Content content_;
  Log& log_;
};

/// {"code":...,"message":...,"details":[...]}.
std::string connect_error_json(Error const& error, std::string_view call = {});

}  // namespace hubd::daemon
