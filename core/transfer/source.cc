// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/source.h"

#include <algorithm>

#include "core/http/rate_limit.h"
#include "core/http/url.h"
#include "core/hub/answers.h"
#include "core/hub/hub_client.h"
#include "core/transfer/signed_url.h"

namespace hubd::transfer {
namespace {

bool same_origin(std::string const& a, std::string const& b) {
  auto const left = http::parse_url(a);
  auto const right = http::parse_url(b);
  return left && right && left->origin == right->origin;
}

/// Statuses by which a signed address says that it is over.
bool expired(int status) { return status == 400 || status == 401 || status == 403 || status == 404 || status == 410; }

bool worth_a_mirror(Error const& error) {
  return error.kind == ErrorKind::unreachable || error.kind == ErrorKind::stalled ||
         (error.kind == ErrorKind::bad_upstream && error.http_status >= 500);
}

}  // namespace

ResolveSource::ResolveSource(http::Client& client, Clock const& clock, Options options)
    : client_(client), clock_(clock), options_(std::move(options)) {}

std::string ResolveSource::subject() const { return "file " + options_.path + " of " + describe(options_.repo); }

Error ResolveSource::wrong(http::Response const& response, std::string const& why) const {
  auto error = fail(ErrorKind::bad_upstream, subject() + ": " + response.route().host + " " + why);
  error.host = response.route().host;
  error.http_status = response.status();
  error.request_id = response.request_id();
  return error;
}

Async<std::unique_ptr<http::Response>> ResolveSource::open(Extent extent, Duration silence_max) {
  auto const executor = co_await asio::this_coro::executor;
  if (!resolved_) resolved_.emplace(executor);
  // Waiting for the answer to another range is silence too, so that ranges that ask one after the other do not add up.
  auto const begun = clock_.now() - known_waits_;
  auto const left = [&] { return std::max(silence_max - (clock_.now() - known_waits_ - begun), silence_max / 4); };
  while (true) {
    while (resolving_) {
      bool const woken = co_await resolved_->wait();
      if (!woken) co_return fail(ErrorKind::cancelled, subject() + " was cancelled");
    }
    if (renew_at_ && clock_.now() >= *renew_at_) direct_.clear();
    if (direct_.empty()) break;
    auto const url = direct_;
    bool const home = same_origin(url, options_.repo.endpoint);
    auto const limit = left();
    auto answer = co_await ask(url, extent, home, limit);
    if (answer) co_return std::move(*answer);
    bool const over = expired(answer.error().http_status);
    // The next open() asks the Hub where to go, unless another range has learned it meanwhile.
    if ((over || worth_a_mirror(answer.error())) && direct_ == url) direct_.clear();
    if (!over) co_return answer.error();
  }
  struct Resolving {
    ResolveSource& source;
    explicit Resolving(ResolveSource& the) : source(the) { source.resolving_ = true; }
    Resolving(Resolving const&) = delete;
    Resolving& operator=(Resolving const&) = delete;
    ~Resolving() {
      source.resolving_ = false;
      source.resolved_->notify();
    }
  };
  Resolving const resolving(*this);
  auto const limit = left();
  auto answer = co_await resolve(extent, limit);
  co_return answer;
}

Async<std::unique_ptr<http::Response>> ResolveSource::resolve(Extent extent, Duration silence_max) {
  Error last;
  for (std::size_t attempt = 0; attempt <= options_.mirrors.size(); ++attempt) {
    auto repo = options_.repo;
    auto const tried = upstream_;
    if (upstream_ > 0) repo.endpoint = options_.mirrors[upstream_ - 1];
    auto url = hub::resolve_url(repo, options_.commit.hex(), options_.path);
    bool const with_token = upstream_ == 0;
    auto answer = co_await ask(url, extent, with_token, silence_max);
    if (answer) {
      direct_ = (*answer)->url();
      auto const life = life_of(direct_, clock_.wall());
      renew_at_.reset();
      if (life) renew_at_ = renewal(clock_.now(), *life);
      co_return std::move(*answer);
    }
    last = answer.error();
    if (!worth_a_mirror(last)) break;
    // Another range may have moved on already.
    if (upstream_ == tried) upstream_ = (upstream_ + 1) % (options_.mirrors.size() + 1);
  }
  co_return last;
}

Async<std::unique_ptr<http::Response>> ResolveSource::ask(std::string url, Extent extent, bool with_token, Duration silence_max) {
  http::Request request;
  request.url = std::move(url);
  if (with_token) request.token = options_.token;
  if (!options_.user_agent.empty()) request.headers.set("User-Agent", options_.user_agent);
  request.headers.set("X-HF-Download-Counter", "1");
  if (extent.length < options_.size)
    request.headers.set("Range", "bytes=" + std::to_string(extent.offset) + "-" + std::to_string(extent.end() - 1));
  request.progress_deadline = silence_max;
  request.window_waited = &known_waits_;
  ++requests_;
  auto answer = co_await client_.send(std::move(request));
  if (!answer) {
    auto error = answer.error();
    error.what = subject() + ": " + error.what;
    co_return error;
  }
  auto& response = **answer;
  if (response.status() < 400) {
    auto const checked = check(response, extent);
    if (!checked) co_return checked.error();
    co_return std::move(*answer);
  }
  auto const body = co_await http::read_all(response, 64_KiB);
  if (!same_origin(response.url(), options_.repo.endpoint)) {
    auto error = wrong(response, "answered with status " + std::to_string(response.status()));
    if (response.status() == 429) error.kind = ErrorKind::rate_limited;
    error.retry_after = http::requested_wait(response.status(), response.headers());
    co_return error;
  }
  hub::About about;
  about.repo = options_.repo;
  about.revision = options_.commit.hex();
  about.path = options_.path;
  about.with_token = !options_.token.empty();
  auto const text = body ? *body : std::string();
  co_return hub::classify(response.status(), response.headers(), text, response.route().host, response.request_id(), about);
}

Result<void> ResolveSource::check(http::Response const& response, Extent extent) {
  auto const coding = response.headers().get("Content-Encoding");
  if (coding && *coding != "identity") return wrong(response, "compressed the file although it was not asked to");
  bool const whole = extent.length == options_.size;
  auto const length = response.content_length();
  auto const expected = " instead of " + std::to_string(extent.length) + "; a proxy or captive portal may stand in between";
  if (response.status() == 206) {
    auto const range = http::parse_content_range(response.headers().get("Content-Range").value_or(""));
    if (!range || range->extent != extent || (range->total && *range->total != options_.size))
      return wrong(response, "sent another range than the one asked for");
  } else if (response.status() == 200) {
    if (!whole) {
      ignores_ranges_ = true;
      return wrong(response, "ignores ranges");
    }
    auto const type = response.headers().get("Content-Type").value_or("");
    bool const html = type.starts_with("text/html") && !options_.path.ends_with("html") && !options_.path.ends_with("htm");
    if (html && (!length || *length != extent.length)) return wrong(response, "sent an HTML page instead of the file" + expected.substr(expected.find(';')));
  } else {
    return wrong(response, "answered with status " + std::to_string(response.status()));
  }
  if (length && *length != extent.length) return wrong(response, "announces " + std::to_string(*length) + " bytes" + expected);
  return {};
}

}  // namespace hubd::transfer
