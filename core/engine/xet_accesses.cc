// SPDX-License-Identifier: Apache-2.0
#include "core/engine/xet_accesses.h"

#include <algorithm>

namespace hubd::engine {
namespace {

constexpr std::size_t recent_max = 128;
constexpr auto failure_kept = std::chrono::seconds(60);

}  // namespace

class XetAccesses::HubTokens final : public cas::TokenSource {
 public:
  HubTokens(Context& context, RepoRef repo, Commit commit, Secret token, std::string user_agent)
      : TokenSource(context.parts.executor, context.clock()),
        context_(context),
        repo_(std::move(repo)),
        commit_(commit),
        token_(std::move(token)),
        user_agent_(std::move(user_agent)) {}

 private:
  Async<cas::Access> fetch() override {
    std::uint64_t requests = 0;
    hub::CallContext call;
    call.token = token_;
    call.user_agent = user_agent_;
    call.progress_deadline = context_.options.metadata_timeout;
    call.retries = 2;
    call.requests = &requests;
    auto const got = co_await context_.parts.hub.xet_read_token(repo_, commit_.hex(), call);
    context_.totals.requests += requests;
    if (!got) co_return got.error();
    cas::Access access{got->cas_url, got->token, got->expires};
    co_return access;
  }

  Context& context_;
  RepoRef repo_;
  Commit commit_;
  Secret token_;
  std::string user_agent_;
};

std::list<XetAccesses::Entry>::iterator XetAccesses::entry(RepoRef const& repo, Commit const& commit, Caller const& caller) {
  auto key = repo.endpoint + "\n" + std::string(name_of(repo.type)) + "\n" + repo.id + "\n" + commit.hex() + "\n" + fingerprint(caller.token);
  auto const found = std::find_if(recent_.begin(), recent_.end(), [&](Entry const& one) { return one.key == key; });
  if (found != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, found);
  } else {
    recent_.push_front({std::move(key), std::make_shared<HubTokens>(context_, repo, commit, caller.token, caller.user_agent), Time::min()});
    if (recent_.size() > recent_max) recent_.pop_back();
  }
  return recent_.begin();
}

std::shared_ptr<cas::TokenSource> XetAccesses::find(RepoRef const& repo, Commit const& commit, Caller const& caller) {
  auto const one = entry(repo, commit, caller);
  auto const now = context_.clock().now();
  auto const away = usable_from_.find(repo.endpoint);
  bool const rests = now < one->usable_from || (away != usable_from_.end() && now < away->second);
  return rests ? nullptr : one->tokens;
}

void XetAccesses::note_failure(RepoRef const& repo, Commit const& commit, Caller const& caller, ErrorKind why) {
  auto const until = context_.clock().now() + failure_kept;
  entry(repo, commit, caller)->usable_from = until;
  if (why == ErrorKind::unreachable || why == ErrorKind::stalled) usable_from_[repo.endpoint] = until;
}

}  // namespace hubd::engine
