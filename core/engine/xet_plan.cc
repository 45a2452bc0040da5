// SPDX-License-Identifier: Apache-2.0
#include "core/engine/xet_plan.h"

#include <algorithm>
#include <map>

#include "core/cache/shared_store.h"
#include "core/net/task_group.h"

namespace hubd::engine {
namespace {

constexpr std::size_t files_at_once = 4;

/// Nothing is fetched.
class NoPermits final : public transfer::Permits {
 public:
  Async<std::unique_ptr<transfer::Permit>> acquire() override { co_return fail(ErrorKind::internal, "a plan wanted to fetch"); }
  [[nodiscard]] Duration served(Time) const override { return {}; }
  void heard() override {}
  void in_vain(Duration) override {}
};

/// What a copy could be made from now.
class ReadableChunks final : public transfer::ChunkHolder {
 public:
  explicit ReadableChunks(HeldChunks& held) : held_(held) {}
  std::vector<store::HeldRun> find(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) override {
    auto runs = held_.find(xorb, first, end);
    std::erase_if(runs, [this](store::HeldRun const& run) { return !readable(run.etag); });
    return runs;
  }
  std::unique_ptr<fs::File> open(std::string const& etag) override { return held_.open(etag); }
  void distrust(std::string const&) override {}

 private:
  bool readable(std::string const& etag) {
    auto const [known, is_new] = readable_.try_emplace(etag, false);
    if (is_new) known->second = held_.open(etag) != nullptr;
    return known->second;
  }
  HeldChunks& held_;
  std::map<std::string, bool> readable_;
};

}  // namespace

void XetPlan::add(ListedFile file, PlannedFile& planned) {
  planned.xet = true;
  planned.unknown = true;
  wanted_.push_back({std::move(file), &planned});
}

asio::awaitable<std::uint64_t> XetPlan::run() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  if (wanted_.empty() || context_.offline(caller_)) co_return 0;
  tokens_ = desk_.accesses.find(repo_, commit_, caller_);
  if (!tokens_) co_return 0;
  auto on_bug = [this](std::exception_ptr) { context_.parts.log.error("a plan of a Xet file ended by an exception"); };
  net::TaskGroup group(context_.parts.executor, on_bug);
  for (std::size_t i = 0; i < std::min(files_at_once, wanted_.size()); ++i) group.spawn("plan Xet files", work());
  auto joining = group.join();
  co_await std::move(joining);
  co_return requests_;
}

asio::awaitable<void> XetPlan::work() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  while (!wanted_.empty() && !away_ && !context_.stopping) {
    auto wanted = std::move(wanted_.front());
    wanted_.pop_front();
    auto const path = wanted.file.path;
    auto const asked = co_await ask(std::move(wanted));
    if (asked) continue;
    away_ = away_ || hub_is_away(asked.error());
    context_.parts.log.info("what of " + path + " of " + describe(repo_) + " is here could not be asked: " + asked.error().what);
  }
}

Async<void> XetPlan::ask(Wanted wanted) {
  auto const& file = wanted.file;
  auto payload = [&] {  // of the stock shared store: another name of it, no byte moves
    cache::SharedStore const shared(context_.parts.files, context_.parts.cache.layout().root());
    auto const stat = shared.marked() ? context_.parts.files.stat(shared.payload(file.xet_hash)) : Result<fs::Stat>(fs::Stat{});
    return stat && stat->type == fs::Stat::Type::regular && stat->size == file.size;
  };
  bool const stands = co_await net::offload(context_.parts.disk, payload);
  if (stands) {
    wanted.planned->bytes_others = file.size;
    wanted.planned->bytes_network = 0;
    wanted.planned->unknown = false;
    co_return Result<void>();
  }
  auto const named = co_await desk_.adoption.name_terms(*tokens_, caller_.user_agent);
  if (!named) co_return named.error();
  NoPermits permits;
  ReadableChunks holder(desk_.held);
  auto const& parts = context_.parts;
  transfer::XetTransfer::Parts needs{{parts.executor, parts.disk, parts.hashing, parts.files, parts.timers, parts.log, permits},
                                     context_.cas, *tokens_, holder, desk_.flights};
  transfer::XetTransfer::Options options;
  options.name = "file " + file.path + " of " + describe(repo_);
  options.folder = context_.partials;
  options.user_agent = caller_.user_agent;
  options.progress_timeout = context_.options.metadata_timeout;
  transfer::XetTransfer transfer(std::move(needs), std::move(options), *ContentId::parse(file.etag()), *xet::MerkleHash::parse(file.xet_hash), file.size);
  auto const estimate = co_await transfer.estimate(promises_);
  requests_ += transfer.requests();
  context_.totals.requests += transfer.requests();
  if (!estimate) co_return estimate.error();
  auto note = [&] {
    account(*wanted.planned, *estimate);
    return true;
  };
  bool const noted = co_await net::offload(context_.parts.disk, note);
  (void)noted;
  co_return Result<void>();
}

/// Blocking: looks where contents stand.
void XetPlan::account(PlannedFile& planned, transfer::XetTransfer::Estimate const& estimate) {
  auto const ours = context_.parts.cache.layout().repo(repo_) + "/";
  planned.bytes_network = estimate.network;
  planned.bytes_repo = estimate.promised;
  planned.bytes_others = 0;
  for (auto const& [etag, bytes] : estimate.copied) {
    auto const paths = desk_.held.paths(etag);
    bool const here = std::any_of(paths.begin(), paths.end(), [&](std::string const& path) { return path.starts_with(ours); });
    (here ? planned.bytes_repo : planned.bytes_others) += bytes;
  }
  planned.unknown = false;
}

}  // namespace hubd::engine
