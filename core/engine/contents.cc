// SPDX-License-Identifier: Apache-2.0
#include "core/engine/contents.h"

#include "core/engine/inspect.h"
#include "core/http/url.h"
#include "core/transfer/granted_read.h"
#include "core/transfer/source.h"

namespace hubd::engine {
namespace {

constexpr std::size_t recent_max = 256;
constexpr std::uint64_t first_key = std::uint64_t{1} << 62U;  // readers stand in line as transfers of their own

/// Published bytes.
class DiskStream final : public ContentStream {
 public:
  DiskStream(Context& context, std::unique_ptr<fs::File> file, Extent extent)
      : context_(context), file_(std::move(file)), rest_(extent) {}
  [[nodiscard]] bool from_cache() const override { return true; }

  Async<std::size_t> read_some(std::span<std::byte> out) override {
    auto const part = out.first(static_cast<std::size_t>(std::min<Bytes>(out.size(), rest_.length)));
    if (part.empty()) co_return std::size_t{0};
    auto read = [&] { return file_->read_at(rest_.offset, part); };
    auto const count = co_await net::offload(context_.parts.disk, read);
    if (!count) co_return count.error();
    if (*count == 0) co_return fail(ErrorKind::io, "a file of the cache became shorter while it was read");
    rest_.offset += *count;
    rest_.length -= *count;
    co_return static_cast<std::size_t>(*count);
  }

 private:
  Context& context_;
  std::unique_ptr<fs::File> file_;
  Extent rest_;
};

/// Bytes of the Hub, handed on. The last ones of a whole file only when all of it hashes right.
class NetworkStream final : public ContentStream {
 public:
  NetworkStream(Context& context, std::shared_ptr<transfer::Source> source, std::unique_ptr<transfer::Permit> permit,
                std::unique_ptr<http::Response> response, std::string name, Bytes length, std::optional<hash::ContentHasher> hasher,
                std::string etag)
      : context_(context),
        source_(std::move(source)),
        permit_(std::move(permit)),
        response_(std::move(response)),
        name_(std::move(name)),
        rest_(length),
        hasher_(std::move(hasher)),
        etag_(std::move(etag)) {}
  [[nodiscard]] bool from_cache() const override { return false; }

  Async<std::size_t> read_some(std::span<std::byte> out) override {
    auto const part = out.first(static_cast<std::size_t>(std::min<Bytes>(out.size(), rest_)));
    if (part.empty()) co_return std::size_t{0};
    auto const count = co_await transfer::granted_read(*permit_, *response_, part, nullptr);
    if (!count) co_return count.error();
    if (*count == 0) co_return fail(ErrorKind::bad_upstream, name_ + ": " + response_->route().host + " ended the answer early");
    rest_ -= *count;
    context_.totals.bytes_fetched += *count;
    if (hasher_) {
      auto feed = [&] {
        hasher_->update(part.first(*count));
        return rest_ > 0 || hasher_->finish() == etag_;
      };
      bool const good = co_await net::offload(context_.parts.hashing, feed);
      if (!good) {
        ++context_.totals.integrity_failures;
        source_->forget_route();
        co_return fail(ErrorKind::corrupt, name_ + " came with other bytes than the Hub's hash " + etag_ + " says; try again");
      }
    }
    if (rest_ == 0) {
      std::array<std::byte, 1> more{};
      auto const extra = co_await response_->read_some(more);  // 0 lets the connection be used again
      (void)extra;
      response_.reset();
      permit_.reset();
    }
    co_return *count;
  }

 private:
  Context& context_;
  std::shared_ptr<transfer::Source> source_;  // shared with later ranges of the file
  std::unique_ptr<transfer::Permit> permit_;
  std::unique_ptr<http::Response> response_;
  std::string name_;
  Bytes rest_;
  std::optional<hash::ContentHasher> hasher_;  // of a whole file
  std::string etag_;
};

}  // namespace

class Contents::One final : public Content {
 public:
  One(Context& context, Caller caller, RepoRef repo, Commit commit, ListedFile file, std::uint64_t key)
      : context_(context), caller_(std::move(caller)), repo_(std::move(repo)), commit_(commit), file_(std::move(file)), etag_(file_.etag()), key_(key) {}
  [[nodiscard]] Commit const& commit() const override { return commit_; }
  [[nodiscard]] std::string const& etag() const override { return etag_; }
  [[nodiscard]] Bytes size() const override { return file_.size; }

  Async<std::unique_ptr<ContentStream>> open(Extent extent) override {
    auto look = [&]() -> Result<std::unique_ptr<fs::File>> {
      auto const seen = look_at(context_.parts.cache, *context_.ledger, repo_, commit_, file_);
      if (!seen) return seen.error();
      if (!seen->usable(false)) return std::unique_ptr<fs::File>();
      return context_.parts.files.open(seen->blob, fs::OpenMode::read);
    };
    auto here = co_await net::offload(context_.parts.disk, look);
    if (here && *here) {
      std::unique_ptr<ContentStream> stream = std::make_unique<DiskStream>(context_, std::move(*here), extent);
      co_return stream;
    }
    // A blob that vanished between the look and the open is fetched like one that never was here.
    if (!here && here.error().kind != ErrorKind::local_entry_not_found) co_return here.error();
    auto const name = "file " + file_.path + " of " + describe(repo_);
    if (context_.offline(caller_))
      co_return fail(ErrorKind::local_entry_not_found, name + " is not in the cache and hubd is offline; go online or download it first");
    auto const id = ContentId::parse(etag_);
    if (!id) co_return fail(ErrorKind::bad_upstream, name + " has no usable hash in the Hub's listing");
    if (!source_) {
      transfer::ResolveSource::Options from{repo_,
                                            commit_,
                                            file_.path,
                                            file_.size,
                                            caller_.token,
                                            caller_.user_agent,
                                            context_.mirrors(repo_.endpoint)};
      source_ = std::make_shared<transfer::ResolveSource>(context_.parts.http, context_.clock(), std::move(from));
    }
    auto const source = source_;
    auto const host = http::parse_url(repo_.endpoint);
    sched::Admission::Who asker{caller_.principal, sched::TransferKey{key_}, sched::FileKey{key_}, host ? host->origin.authority() : repo_.endpoint};
    auto who = std::make_shared<sched::Admission::Who const>(std::move(asker));
    auto permit = co_await context_.desk.acquire(std::move(who));
    if (!permit) co_return permit.error();
    auto const before = source->requests();
    auto response = co_await source->open(extent, context_.options.progress_timeout);
    context_.totals.requests += source->requests() - before;
    if (!response) co_return response.error();
    std::optional<hash::ContentHasher> hasher;
    if (extent.offset == 0 && extent.length == file_.size) hasher.emplace(*id, file_.size);
    std::unique_ptr<ContentStream> stream = std::make_unique<NetworkStream>(context_, source, std::move(*permit), std::move(*response), name,
                                                                            extent.length, std::move(hasher), etag_);
    co_return stream;
  }

 private:
  Context& context_;
  Caller caller_;
  RepoRef repo_;
  Commit commit_;
  ListedFile file_;
  std::string etag_;
  std::uint64_t key_;
  std::shared_ptr<transfer::ResolveSource> source_;
};

std::shared_ptr<Content> Contents::recall(RepoRef const& repo, Commit const& commit, std::string const& path, Secret const& token) {
  Key const key{repo, commit, path, fingerprint(token)};
  for (auto entry = recent_.begin(); entry != recent_.end(); ++entry) {
    if (entry->first != key) continue;
    recent_.splice(recent_.begin(), recent_, entry);
    return recent_.front().second;
  }
  return nullptr;
}

std::shared_ptr<Content> Contents::add(Caller const& caller, RepoRef repo, Commit commit, ListedFile file) {
  Key key{repo, commit, file.path, fingerprint(caller.token)};
  auto owner = caller;
  owner.deadline.reset();  // it outlives this call
  auto content = std::make_shared<One>(context_, std::move(owner), std::move(repo), commit, std::move(file), first_key + next_++);
  recent_.emplace_front(std::move(key), content);
  if (recent_.size() > recent_max) recent_.pop_back();
  return content;
}

}  // namespace hubd::engine
