// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/httpd/server.h"
#include "core/net/timers.h"
#include "tests/localhub/counters.h"
#include "tests/localhub/faults.h"
#include "tests/localhub/hub.h"

namespace hubd::localhub {

/// Carries requests of all origins to the Hub and its answers back, at the pace and with the faults that were asked
/// for. The serve functions run on the servers' one thread; the rest may be called from anywhere.
class Service {
 public:
  Service(Clock const& clock, std::filesystem::path const& data, bool tls);

  asio::awaitable<void> serve_hub(httpd::Request& request, httpd::Responder& responder);
  asio::awaitable<void> serve_cdn(httpd::Request& request, httpd::Responder& responder);
  asio::awaitable<void> serve_cas(httpd::Request& request, httpd::Responder& responder);
  asio::awaitable<void> serve_xorbs(httpd::Request& request, httpd::Responder& responder);

  /// Calls `job(hub)` under the lock.
  template <class Job>
  auto with_hub(Job job) {
    std::scoped_lock const lock(hub_mutex_);
    return job(hub_);
  }
  Result<void> seed(std::string_view json);
  Result<void> add_faults(std::string_view json);
  Result<void> set_knobs(std::string_view json);

  Faults faults;
  Ledger ledger;
  std::string url;      ///< set before the first request
  std::string cdn_url;  ///< set before the first request
  std::string cas_url;  ///< set before the first request
  std::string xorb_url; ///< set before the first request
  std::function<std::size_t()> connections;  ///< open ones of all servers; set before the first request

 private:
  struct Delivery;  // one request on its way
  asio::awaitable<void> serve(std::string_view origin, httpd::Request& request, httpd::Responder& responder);
  asio::awaitable<void> deliver(Delivery& delivery, httpd::Request& request, httpd::Responder& responder);
  asio::awaitable<void> control(Delivery& delivery, httpd::Request& request, httpd::Responder& responder);
  Async<Answer> take_upload(Delivery& delivery, httpd::Request& request);
  asio::awaitable<void> send_answer(Delivery& delivery, Answer& answer, httpd::Responder& responder);
  Async<void> send_body(Delivery& delivery, Answer const& answer, httpd::Responder& responder, Bytes announced);
  /// Until `deadline` (when there is one) or until the faults were cleared.
  asio::awaitable<void> pause_until(std::uint64_t epoch, std::optional<Time> deadline);
  bool holed(std::string const& origin);
  asio::awaitable<void> wait_for_opening(std::string origin);
  /// Goes on at once, or when the black hole of this origin opens; false: the client left before.
  asio::awaitable<bool> through_hole(Call const& call, httpd::Responder& responder);
  asio::awaitable<void> hold(Delivery& delivery, std::optional<double> seconds, httpd::Responder& responder);
  Answer control_answer(Call const& call);
  Call call_of(std::string_view origin, httpd::Request& request) const;
  void finish_answer(Delivery const& delivery, Answer& answer) const;

  Clock const& clock_;
  net::SystemTimers timers_;
  bool const tls_;
  std::mutex hub_mutex_;
  Hub hub_;           // guarded by hub_mutex_
  Time pace_free_{};  // when the shared throttle lets the next bytes go; the servers' thread only
};

}  // namespace hubd::localhub
