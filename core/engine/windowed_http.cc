// SPDX-License-Identifier: Apache-2.0
#include "core/engine/windowed_http.h"

#include <algorithm>

#include "core/engine/fingerprint.h"
#include "core/http/rate_limit.h"
#include "core/http/url.h"

namespace hubd::engine {
namespace {

/// As the Hub counts (hub-files 6.2): its API, files, and the rest.
std::string category_of(std::string_view target) {
  if (target.find("/resolve/") != std::string_view::npos) return "resolvers";
  return target.starts_with("/api/") ? "api" : "pages";
}

sched::RateWindows::Key key_of(http::Url const& url, Secret const& token) {
  return {url.origin.authority(), fingerprint(token), category_of(url.target)};
}

bool is_of(http::Origin const& origin, std::string const& url) {
  auto const parsed = http::parse_url(url);
  return parsed && parsed->origin == origin;
}

std::int64_t in_seconds(Duration duration) { return std::chrono::ceil<std::chrono::seconds>(duration).count(); }

}  // namespace

/// A redirect at home is an answer, and what follows it a request like any other.
class WindowedHttp::Passage final : public http::Crossing {
 public:
  Passage(WindowedHttp& windowed, Key const& key, http::Origin const& home, http::Request const& request)
      : windowed_(windowed), key_(key), home_(home), request_(request) {}
  Async<void> cross(std::string const& url, int status, http::Headers const& answered) override {
    if (!is_of(home_, url)) co_return Result<void>();
    windowed_.learn(key_, status, answered);
    auto const admitted = co_await windowed_.turn(key_, request_);
    stopped_ = !admitted;
    co_return admitted;
  }
  /// What failed was its turn: no request is without an answer.
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  WindowedHttp& windowed_;
  Key const& key_;
  http::Origin const& home_;
  http::Request const& request_;
  bool stopped_ = false;
};

std::string WindowedHttp::sentence(Key const& key, Duration left) const {
  return "the rate-limit window of " + key.origin + " (" + key.category + "), which opens in " + std::to_string(in_seconds(left)) + " s";
}

std::string WindowedHttp::waiting_for(std::string const& endpoint, Secret const& token) const {
  for (auto const& window : windows()) {
    if (window.waiting == 0 || window.remaining > 0) continue;  // nearly always: asked for every file that moves
    auto const url = http::parse_url(endpoint);
    if (url && window.key.origin == url->origin.authority() && window.key.who == fingerprint(token))
      return sentence(window.key, window.reset);
  }
  return {};
}

Async<void> WindowedHttp::turn(Key const& key, http::Request const& request) {
  auto const begun = timers_.clock().now();
  while (true) {
    auto const now = timers_.clock().now();
    auto const later = windows_.ask(key, now);
    if (!later) co_return Result<void>();
    auto const left = *later - now;
    if (*later - begun > request.window_wait_max) {
      auto error = fail(ErrorKind::rate_limited, "waiting for " + sentence(key, left));
      error.host = key.origin;
      error.retry_after = std::chrono::seconds(in_seconds(left));
      co_return error;
    }
    bool const slept = co_await timers_.sleep_until(*later);
    if (request.window_waited != nullptr) *request.window_waited += timers_.clock().now() - now;
    if (!slept) co_return fail(ErrorKind::cancelled, "waiting for " + sentence(key, left) + " was cancelled");
  }
}

void WindowedHttp::learn(Key const& key, int status, http::Headers const& headers) {
  auto const now = timers_.clock().now();
  auto const text = headers.get("RateLimit");
  auto const limit = text ? http::parse_rate_limit(*text) : std::nullopt;
  auto const asked = status == 429 ? http::requested_wait(status, headers) : std::nullopt;
  if (asked) {
    windows_.refused(key, now, *asked);
    log_.info(key.origin + " answered 429; nothing more is asked of it (" + key.category + ") for " + std::to_string(asked->count()) + " s");
  } else if (limit) {
    windows_.left(key, now, limit->remaining, limit->reset);
  } else {
    windows_.answered(key);
  }
}

Async<std::unique_ptr<http::Response>> WindowedHttp::send(http::Request request) {
  auto const url = http::parse_url(request.url);
  if (!url) co_return url.error();
  auto const key = key_of(*url, request.token);
  auto const begun = timers_.clock().now();
  while (true) {
    auto const admitted = co_await turn(key, request);
    if (!admitted) co_return admitted.error();
    http::Request copy = request;
    Passage passage(*this, key, url->origin, request);
    copy.crossing = &passage;
    auto answer = co_await inner_.send(std::move(copy));
    if (!answer) {
      if (!passage.stopped()) windows_.unanswered(key);
      co_return answer.error();
    }
    auto const& response = **answer;
    auto const& hops = response.hops();
    for (std::size_t i = 0; i < hops.size(); ++i) {
      bool const leaves = !is_of(url->origin, i + 1 < hops.size() ? hops[i + 1].first : response.url());  // the others were crossed
      if (leaves && is_of(url->origin, hops[i].first)) learn(key, 302, hops[i].second);
    }
    bool const at_home = is_of(url->origin, response.url());
    if (at_home) learn(key, response.status(), response.headers());
    auto const wait = response.status() == 429 && at_home ? http::requested_wait(429, response.headers()) : std::nullopt;
    auto const now = timers_.clock().now();
    if (!wait || now + *wait - begun > request.window_wait_max) co_return std::move(*answer);
    answer->reset();  // refused before anything was done: once more when the window opens
  }
}

}  // namespace hubd::engine
