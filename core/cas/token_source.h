// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <optional>

#include "core/cas/access.h"
#include "core/net/async.h"
#include "core/net/signal.h"

namespace hubd::cas {

/// The access that CAS calls use, fetched when one is needed, ahead of its expiry, and by one of those who wait.
///
/// The time of day is asked once, how long a new access lives; a clock that is set later, by years too, changes nothing, and
/// one that was wrong then costs at most a refusal (too late) or a fetch each half minute (too early).
/// All on one executor. Outlives everybody who waits in get().
class TokenSource {
 public:
  TokenSource(asio::any_io_executor executor, Clock const& clock) : clock_(clock), changed_(std::move(executor)) {}
  virtual ~TokenSource() = default;
  TokenSource(TokenSource const&) = delete;
  TokenSource& operator=(TokenSource const&) = delete;

  /// An access that lasts a while yet. Fails: as fetch(); cancelled.
  Async<Access> get();
  /// A CAS refused `access` (401, 403): the next get() fetches, unless another caller's did meanwhile.
  void refuse(Access const& access);

 protected:
  /// Asks the Hub.
  virtual Async<Access> fetch() = 0;

 private:
  [[nodiscard]] bool fresh() const;
  Clock const& clock_;
  std::optional<Access> access_;
  Time renew_at_{};  ///< a minute ahead of its expiry; sooner when it lives shorter than two
  bool fetching_ = false;
  net::Signal changed_;
};

}  // namespace hubd::cas
