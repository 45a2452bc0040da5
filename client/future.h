// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cassert>
#include <chrono>
#include <future>
#include <stop_token>
#include <utility>

#include "result.h"

namespace hubd::client {

/// The answer of a call that goes on by itself.
///
/// wait(), wait_for(), ready() and cancel() may be called from any thread; get(), release() and moving need one owner.
/// It may outlive its client: ending the client ends the call, as `cancelled`. Dropping a Future cancels its call,
/// without waiting for it: hubd stops working for whoever does not wait any more. release() lets the call go on.
template <class T>
class [[nodiscard]] Future {
 public:
  Future() = default;  ///< of no call
  /// For the library: what a call will give, and what asks that call to end.
  Future(std::future<Result<T>> answer, std::stop_source stop) : answer_(std::move(answer)), stop_(std::move(stop)) {}
  Future(Future&&) noexcept = default;
  Future& operator=(Future&& other) noexcept {
    if (this != &other) {
      drop();
      answer_ = std::move(other.answer_);
      stop_ = std::move(other.stop_);
    }
    return *this;
  }
  ~Future() { drop(); }

  /// Is there an answer to get? False after get(), release() and for a Future of no call; everything below needs true.
  [[nodiscard]] bool valid() const noexcept { return answer_.valid(); }
  /// Has the call ended?
  [[nodiscard]] bool ready() const { return wait_for(std::chrono::seconds(0)); }
  void wait() const {
    assert(valid());
    answer_.wait();
  }
  /// Waits at most so long; true when the call has ended. The call goes on otherwise.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> const& limit) const {
    assert(valid());
    return answer_.wait_for(limit) == std::future_status::ready;
  }

  /// Asks the call to end now, and does not wait. An answer that was under way is still given; else get() is
  /// `cancelled`.
  void cancel() { stop_.request_stop(); }
  /// Waits, and moves the answer out; once.
  Result<T> get() {
    assert(valid());
    return answer_.get();
  }
  /// The call goes on, and nobody gets its answer but its listener.
  void release() { answer_ = {}; }

 private:
  void drop() {
    if (valid()) stop_.request_stop();
  }

  std::future<Result<T>> answer_;
  std::stop_source stop_{std::nostopstate};
};

}  // namespace hubd::client
