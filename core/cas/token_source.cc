// SPDX-License-Identifier: Apache-2.0
#include "core/cas/token_source.h"

#include <algorithm>

namespace hubd::cas {
namespace {

constexpr Duration margin = std::chrono::seconds(60);      // the reference client's is 30 s
constexpr Duration life_unknown = std::chrono::seconds(30);  // of one that is over by this host's clock: that must be wrong
constexpr Duration life_max = std::chrono::hours(24);

}  // namespace

bool TokenSource::fresh() const { return access_ && clock_.now() < renew_at_; }

void TokenSource::refuse(Access const& access) {
  if (access_ && access_->token == access.token && access_->url == access.url) access_.reset();
}

Async<Access> TokenSource::get() {
  while (fetching_) {
    bool const woken = co_await changed_.wait();
    if (!woken) co_return fail(ErrorKind::cancelled, "the caller left");
  }
  if (fresh()) co_return *access_;
  struct Fetching {
    TokenSource& source;
    explicit Fetching(TokenSource& the) : source(the) { source.fetching_ = true; }
    Fetching(Fetching const&) = delete;
    Fetching& operator=(Fetching const&) = delete;
    ~Fetching() {
      source.fetching_ = false;
      source.changed_.notify();
    }
  };
  Fetching const fetching(*this);  // when this caller is cancelled, the next one through the loop fetches
  auto fetched = co_await fetch();
  if (!fetched) co_return fetched.error();
  auto const left = fetched->expires - clock_.wall();
  auto const life = left.count() <= 0 ? life_unknown : std::min<Duration>(std::chrono::duration_cast<Duration>(left), life_max);
  renew_at_ = clock_.now() + life - std::min(margin, life / 2);
  access_ = *fetched;
  co_return *fetched;
}

}  // namespace hubd::cas
