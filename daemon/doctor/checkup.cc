// SPDX-License-Identifier: Apache-2.0
#include "daemon/doctor/checkup.h"

#include <algorithm>
#include <array>

#include "core/cas/client.h"
#include "core/http/pool_client.h"
#include "core/http/url.h"
#include "core/net/task_group.h"
#include "core/net/within.h"
#include "daemon/doctor/folders.h"
#include "daemon/doctor/judge.h"
#include "daemon/text.h"

namespace hubd::daemon {
namespace {

using std::chrono::seconds;

constexpr auto check_max = seconds(16);
constexpr auto step_max = seconds(5);  // of one request; the routes take three, one after the other

std::string proxy_of(Config const& config, http::Origin const& origin) {
  http::Proxies proxies;
  proxies.http = config.http_proxy;
  proxies.https = config.https_proxy;
  for (auto const& entry : config.no_proxy) proxies.no_proxy += (proxies.no_proxy.empty() ? "" : ",") + entry;
  return http::proxy_for(proxies, origin.scheme, origin.host, origin.port);
}

/// The access that one check uses once.
class OneAccess final : public cas::TokenSource {
 public:
  OneAccess(asio::any_io_executor executor, Clock const& clock, hub::XetToken token)
      : TokenSource(std::move(executor), clock), token_(std::move(token)) {}

 protected:
  Async<cas::Access> fetch() override { co_return cas::Access{token_.cas_url, token_.token, token_.expires}; }

 private:
  hub::XetToken token_;
};

std::string host_of(std::string const& url) {
  auto const parsed = http::parse_url(url);
  return parsed ? parsed->origin.authority() : http::without_query(url);
}

bool is_this_host(std::string const& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

hub::CallContext Checkup::context(Question const& question) const {
  hub::CallContext context;
  context.token = question.caller.token;
  context.user_agent = question.caller.user_agent;
  context.progress_deadline = step_max;
  context.deadline = parts_.timers.clock().now() + step_max;
  context.retries = 0;
  return context;
}

asio::awaitable<Findings> Checkup::run(Question question) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  constexpr std::size_t count = 5;
  std::array<Check, count> const checks{{{"dns", &Checkup::names},
                                         {"hub", &Checkup::hub},
                                         {"token", &Checkup::token},
                                         {"plain_route", &Checkup::routes},
                                         {"disk", &Checkup::disk}}};
  std::array<Findings, count> slots;
  net::TaskGroup tasks(parts_.executor, [this](std::exception_ptr) { parts_.log.error("a check of the doctor ended by an exception"); });
  bool const offline = question.caller.offline || question.config.network_mode == NetworkMode::offline;
  for (std::size_t i = 0; i < count; ++i)
    if (!offline || checks[i].step == &Checkup::disk) tasks.spawn(checks[i].name, one(checks[i], question, slots[i]));
  auto joining = tasks.join();
  co_await std::move(joining);
  Findings findings;
  if (offline) {
    bool const by_caller = question.config.network_mode != NetworkMode::offline;
    findings.push_back(doubtful("network", by_caller ? "this call is offline (HF_HUB_OFFLINE); the Hub was not asked"
                                                     : "hubd is offline (network.mode); the Hub was not asked",
                                by_caller ? "unset HF_HUB_OFFLINE" : "`hubctl config set network.mode online`"));
  }
  for (auto& slot : slots)
    for (auto& finding : slot) findings.push_back(std::move(finding));
  for (auto& finding : judge_limits(question.limits)) findings.push_back(std::move(finding));
  findings.push_back(judge_windows(parts_.http.windows()));
  if (!question.problem.empty()) findings.push_back(broken("publishing", question.problem, "mend what the sentence names; hubd tries again by itself"));
  for (auto& finding : findings) finding.what = valid_utf8(finding.what);
  co_return findings;
}

asio::awaitable<void> Checkup::one(Check check, Question const& question, Findings& slot) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  net::Within<Findings> within(parts_.timers, parts_.timers.clock().now() + check_max);
  auto late = fail(ErrorKind::deadline_exceeded, "this was not known after " + std::to_string(check_max.count()) + " s");
  std::function<Async<Findings>()> work = [this, step = check.step, &question] { return (this->*step)(question); };
  auto running = within.run(std::move(work), late);
  auto found = co_await std::move(running);
  if (found)
    slot = std::move(*found);
  else
    slot.push_back(broken(check.name, found.error().what, remedy_for(found.error())));
}

Async<Findings> Checkup::names(Question const& question) {
  auto const url = http::parse_url(question.caller.endpoint);
  if (!url) co_return url.error();
  auto const proxy = proxy_of(question.config, url->origin);
  auto const proxy_url = http::parse_url(proxy.empty() ? question.caller.endpoint : proxy);
  if (!proxy_url) co_return proxy_url.error();
  auto const host = proxy_url->origin.host;
  Findings findings;
  auto resolving = parts_.resolver.resolve(host, step_max);
  auto const addresses = co_await std::move(resolving);
  auto const role = proxy.empty() ? std::string() : "the proxy ";
  if (!addresses)
    findings.push_back(broken("dns", describe(addresses.error()),
                              "look at /etc/resolv.conf and /etc/hosts" + std::string(proxy.empty() ? "; behind a proxy, set network.https_proxy" : "")));
  else
    findings.push_back(fine("dns", role + host + " has " + std::to_string(addresses->size()) + (addresses->size() == 1 ? " address, " : " addresses, first ") +
                                       addresses->front().to_string()));
  co_return findings;
}

Async<Findings> Checkup::hub(Question const& question) {
  auto const url = http::parse_url(question.caller.endpoint);
  if (!url) co_return url.error();
  auto const proxy = proxy_of(question.config, url->origin);
  http::Request request;
  request.method = "GET";
  request.url = question.caller.endpoint + "/api/whoami-v2";  // small, everywhere, and 401 is an answer too
  request.redirects = http::Redirects::none;
  request.progress_deadline = step_max;
  request.window_wait_max = Duration(0);
  auto sending = parts_.http.send(std::move(request));
  auto const response = co_await std::move(sending);
  Findings findings;
  auto const through = proxy.empty() ? "none: connections are direct" : "connections go through " + without_password(proxy);
  if (!response) {
    auto const& error = response.error();
    auto const text = describe(error);
    bool const tls = text.find("TLS with") != std::string::npos;
    bool const by_proxy = !tls && !proxy.empty() && text.find("proxy") != std::string::npos;
    findings.push_back(by_proxy ? broken("proxy", text, remedy_for(error)) : fine("proxy", through));
    if (tls) findings.push_back(broken("tls", text, remedy_for(error)));
    bool const waits = error.kind == ErrorKind::rate_limited;
    auto const cause = tls ? "TLS failed" : by_proxy ? "the proxy failed" : text;
    findings.push_back(waits ? doubtful("hub", text, remedy_for(error)) : broken("hub", cause, remedy_for(error)));
    co_return findings;
  }
  findings.push_back(fine("proxy", through));
  auto const host = url->origin.authority();
  if (url->origin.tls())
    findings.push_back(fine("tls", "the certificate of " + host + " is trusted"));
  else if (is_this_host(url->origin.host))
    findings.push_back(fine("tls", "not used: " + question.caller.endpoint + " is this host"));
  else
    findings.push_back(doubtful("tls", question.caller.endpoint + " is plain http: tokens and files travel readable", "name an https address as upstream"));
  auto const status = (*response)->status();
  auto const& address = (*response)->route().address;
  auto const answered = host + (address.empty() ? "" : " (" + address + ")") + " answers";
  if (status >= 500)
    findings.push_back(doubtful("hub", host + " answers " + std::to_string(status), "wait; what is cached is served meanwhile"));
  else
    findings.push_back(fine("hub", answered));
  findings.push_back(judge_clock(host, (*response)->headers().get("Date"), parts_.timers.clock().wall()));
  co_return findings;
}

Async<Findings> Checkup::token(Question const& question) {
  Findings findings;
  if (question.caller.token.empty()) {
    findings.push_back(fine("token", "none: public repositories only (`hubctl auth login` stores one)"));
    co_return findings;
  }
  auto asking = parts_.hub.whoami(question.caller.endpoint, context(question));
  auto const identity = co_await std::move(asking);
  auto const name = "the token " + question.token_from;
  if (identity)
    findings.push_back(fine("token", name + " belongs to " + identity->name + (identity->token_role.empty() ? "" : " (" + identity->token_role + ")")));
  else if (identity.error().kind == ErrorKind::unauthorized)
    findings.push_back(broken("token", name + " is refused by " + host_of(question.caller.endpoint),
                              question.token_from == "stored" ? "log in again: `hubctl auth login`" : "correct or unset HF_TOKEN, or `hubctl auth login`"));
  else
    findings.push_back(doubtful("token", name + " could not be tried: " + describe(identity.error()), remedy_for(identity.error())));
  co_return findings;
}

Async<Findings> Checkup::routes(Question const& question) {
  auto look = [&] { return sample_of(parts_.files, question.cache_root, question.repo); };
  auto sample = co_await net::offload(parts_.disk, look);
  Findings findings;
  if (!sample.repo) {
    findings.push_back(doubtful("plain_route", "not tried: nothing is cached, so no repository is known", "name one: `hubctl doctor REPO`"));
    findings.push_back(doubtful("xet_route", "not tried: nothing is cached, so no repository is known", "name one: `hubctl doctor REPO`"));
    co_return findings;
  }
  auto repo = *sample.repo;
  repo.endpoint = question.caller.endpoint;
  auto listing_of = parts_.hub.paths_info(repo, question.revision, sample.paths, context(question));
  auto const listing = co_await std::move(listing_of);
  if (!listing) {
    findings.push_back(broken("plain_route", describe(listing.error()), remedy_for(listing.error())));
    findings.push_back(doubtful("xet_route", "not tried: " + describe(repo) + " could not be listed", remedy_for(listing.error())));
    co_return findings;
  }
  auto by_plain = plain(question, repo, *listing);
  auto first = co_await std::move(by_plain);
  if (!first) first = broken("plain_route", describe(first.error()), remedy_for(first.error()));
  findings.push_back(std::move(*first));
  auto by_xet = xet(question, repo, *listing);
  auto second = co_await std::move(by_xet);
  if (!second) second = broken("xet_route", describe(second.error()), remedy_for(second.error()) + "; files come by the plain route meanwhile");
  findings.push_back(std::move(*second));
  co_return findings;
}

Async<Finding> Checkup::plain(Question const& question, RepoRef repo, Listing listing) {
  auto const larger = [](ListedFile const& a, ListedFile const& b) { return a.size < b.size; };
  auto const file = std::max_element(listing.begin(), listing.end(), larger);  // a large one is served by the CDN
  if (file == listing.end() || file->size == 0)
    co_return doubtful("plain_route", "not tried: no file of " + describe(repo) + " is known", "name a repository with a config.json or README.md: `hubctl doctor REPO`");
  http::Request request;
  request.url = hub::resolve_url(repo, question.revision, file->path);
  request.headers.set("Range", "bytes=0-0");
  request.headers.set("Accept-Encoding", "identity");
  request.token = question.caller.token;
  request.progress_deadline = step_max;
  request.window_wait_max = Duration(0);
  auto sending = parts_.http.send(std::move(request));
  auto const response = co_await std::move(sending);
  if (!response) co_return response.error();
  auto const host = (*response)->route().host;
  auto const status = (*response)->status();
  auto const name = file->path + " of " + describe(repo);
  if (status == 200 || status == 206) co_return fine("plain_route", "a byte of " + name + " came from " + host);
  auto error = fail(status == 401 || status == 403 ? ErrorKind::unauthorized : ErrorKind::bad_upstream, host + " answers " + std::to_string(status) + " for " + name);
  co_return error;
}

Async<Finding> Checkup::xet(Question const& question, RepoRef repo, Listing listing) {
  if (!question.config.xet || question.caller.disable_xet)
    co_return fine("xet_route", std::string("off by ") + (question.config.xet ? "HF_HUB_DISABLE_XET" : "transfer.xet"));
  auto asking = parts_.hub.xet_read_token(repo, question.revision, context(question));
  auto token = co_await std::move(asking);
  if (!token) co_return token.error();
  auto const host = host_of(token->cas_url);
  OneAccess access(parts_.executor, parts_.timers.clock(), std::move(*token));
  cas::Client cas(parts_.http, parts_.timers, parts_.log);
  cas::CallContext context;
  context.user_agent = question.caller.user_agent;
  context.progress_deadline = step_max;
  context.retries = 0;
  for (auto const& file : listing) {
    auto const hash = xet::MerkleHash::parse(file.xet_hash);
    if (!hash || file.size == 0) continue;
    std::optional<Extent> const range(Extent{0, 1});
    auto rebuilding = cas.reconstruction(access, *hash, range, std::move(context));
    auto const answer = co_await std::move(rebuilding);
    if (!answer) co_return answer.error();
    co_return fine("xet_route", host + " says how to build " + file.path + " of " + describe(repo));
  }
  auto deduplicating = cas.dedup_shard(access, xet::MerkleHash{}, std::move(context));
  auto const shard = co_await std::move(deduplicating);
  if (!shard) co_return shard.error();
  co_return fine("xet_route", host + " answers (no known file of " + describe(repo) + " is stored there)");
}

Async<Findings> Checkup::disk(Question const& question) {
  auto look = [&] { return check_folders(parts_.files, parts_.random.hex(8), question.cache_root, question.state_folder, question.config.free_floor); };
  auto findings = co_await net::offload(parts_.disk, look);
  co_return findings;
}

}  // namespace hubd::daemon
