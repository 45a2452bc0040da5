// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/file_transfer.h"

#include <algorithm>

#include "core/net/task_group.h"
#include "core/plan/file_plan.h"
#include "core/transfer/granted_read.h"
#include "core/transfer/retry.h"

namespace hubd::transfer {
namespace {

constexpr Bytes hash_step_max = 8_MiB;    // one job of the hashing pool
constexpr Bytes window_min = 256_MiB;     // how far ranges may run ahead of the hash frontier
constexpr unsigned malformed_max = 3;     // answers about something else do not heal by waiting
constexpr int passes_max = 2;             // a wrong hash is fetched again once

Bytes leading(Partial const& partial) {
  auto const present = partial.present();
  return present.empty() || present.front().offset > 0 ? 0 : present.front().length;
}

std::string name_of_range(Extent extent) { return "bytes " + std::to_string(extent.offset) + " to " + std::to_string(extent.end() - 1); }

}  // namespace

FileTransfer::FileTransfer(Parts parts, Options options, ContentId id, Bytes size)
    : parts_(std::move(parts)),
      options_(std::move(options)),
      id_(std::move(id)),
      size_(size),
      path_(options_.folder + "/" + id_.etag() + ".partial"),
      headway_(parts_.timers.clock(), parts_.permits, options_.progress_timeout),
      changed_(parts_.executor) {}
FileTransfer::~FileTransfer() = default;

Result<void> FileTransfer::discard() {
  if (partial_) return partial_->discard();
  return parts_.files.remove(path_);
}

Async<void> FileTransfer::run() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  headway_.step();
  for (int number = 0; number < passes_max; ++number) {
    Result<void> passed;
    if (size_ <= options_.small_max)
      passed = co_await small_pass();
    else
      passed = co_await pass();
    if (!passed) co_return passed.error();
    if (hasher_->finish() == id_.etag()) co_return Result<void>();
    ++mismatches_;
    if (cancelled_) co_return fail(ErrorKind::cancelled, options_.name + " was cancelled");
    parts_.log.warning(options_.name + ": its bytes do not match the Hub's hash; fetching it again over a fresh route");
    parts_.source.forget_route();
    auto drop = [this] { return partial_ ? partial_->reset() : parts_.files.remove(path_); };
    auto const dropped = co_await net::offload(parts_.disk, drop);
    if (!dropped) co_return dropped.error();
    done_ = 0;
  }
  auto forget = [this] { return discard(); };
  auto const forgotten = co_await net::offload(parts_.disk, forget);
  if (!forgotten) parts_.log.warning(forgotten.error().what);
  co_return fail(ErrorKind::corrupt, options_.name + " was fetched twice and its bytes do not match the Hub's hash " + id_.etag() +
                                         "; nothing was published, try again later or through another network");
}

Async<void> FileTransfer::small_pass() {
  ended_ = false;
  Tries tries;
  while (true) {
    auto fetched = co_await fetch_small(tries);
    if (fetched) co_return Result<void>();
    tries.came = 0;  // it begins anew
    auto const wait = judge(fetched.error(), tries);
    if (!wait) co_return fatal_.value_or(fetched.error());
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return fail(ErrorKind::cancelled, options_.name + " was cancelled");
    auto const asleep = parts_.timers.clock().now();
    bool const slept = co_await parts_.timers.sleep_for(*wait);
    if (!slept) co_return fail(ErrorKind::cancelled, options_.name + " was cancelled");
    if (fetched.error().retry_after) headway_.forgive(asleep);
  }
}

Async<void> FileTransfer::fetch_small(Tries& tries) {
  auto const asked = parts_.timers.clock().now();
  auto const permit = co_await parts_.permits.acquire();  // until this returns: it bounds the memory too
  if (!permit) co_return permit.error();
  headway_.had_turn(asked);
  std::vector<std::byte> bytes(static_cast<std::size_t>(size_));
  if (size_ > 0) {
    Extent const whole_file{0, size_};
    OpenRanges::One view(open_, name_of_range(whole_file), "plain", parts_.timers.clock().now());
    auto const answer = co_await open(whole_file, tries.attempt);
    if (!answer) co_return answer.error();
    auto& response = **answer;
    view.answered(response.route());
    RangeMeter meter(parts_.routes, response.route(), parts_.timers.clock().now(), headway_.patience());
    ReadWatch const watch{parts_.timers.clock(), headway_, meter};
    for (std::size_t filled = 0; filled < bytes.size();) {
      auto const rest = std::span(bytes).subspan(filled);
      auto const count = co_await granted_read(**permit, response, rest, &watch);
      if (!count) co_return about(count.error());
      if (*count == 0) co_return odd(response, "ended after " + std::to_string(filled) + " bytes");
      filled += *count;
      arrived(*count, tries);
      auto const now = parts_.timers.clock().now();
      view.got(now, *count);
      auto const slow = meter.got(now, *count);
      if (slow && filled < bytes.size()) {
        headway_.slow();
        co_return about(*slow);
      }
    }
    meter.whole();
    headway_.whole();
    std::array<std::byte, 1> more{};
    auto const extra = co_await response.read_some(more);  // 0 lets the connection be used again
    if (extra && *extra > 0) co_return odd(response, "is longer than the Hub's listing says");
  }
  hasher_.emplace(id_, size_);
  auto write = [&]() -> Result<void> {
    hasher_->update(bytes);
    auto const removed = parts_.files.remove(path_);
    if (!removed) return removed.error();
    auto file = parts_.files.open(path_, fs::OpenMode::create_exclusive, 0600);
    if (!file) return file.error();
    small_file_ = std::move(*file);
    return small_file_->write_at(0, bytes);
  };
  auto const written = co_await net::offload(parts_.disk, write);
  if (!written) co_return written.error();
  done_ = size_;
  co_return Result<void>();
}

Async<void> FileTransfer::pass() {
  ended_ = false;
  fatal_.reset();
  partial_.reset();
  hasher_.emplace(id_, size_);
  auto open = [this]() -> Result<void> {
    auto opened = Partial::open(parts_.files, options_.folder, id_, size_, &*hasher_);
    if (!opened) return opened.error();
    partial_ = std::move(*opened);
    return partial_->reserve();
  };
  auto const opened = co_await net::offload(parts_.disk, open);
  if (!opened) co_return opened.error();
  headway_.step();  // reading back what was kept took its time
  hashed_ = hasher_->fed();
  frontier_ = leading(*partial_);
  done_ = partial_->present_bytes();
  auto const missing = plan::gaps(size_, partial_->present(), options_.range_max);
  missing_.assign(missing.begin(), missing.end());

  auto on_bug = [this](std::exception_ptr) { end(fail(ErrorKind::internal, options_.name + ": a task ended by an exception")); };
  net::TaskGroup group(parts_.executor, on_bug);
  auto const workers = std::min(options_.connections, missing_.size());
  for (std::size_t i = 0; i < workers; ++i) group.spawn("fetch ranges", work());
  group.spawn("hash frontier", follow());
  bool cancelled = false;
  while (!complete() && !fatal_ && !cancelled) {
    bool const woken = co_await changed_.wait();
    cancelled = !woken;
  }
  cancelled_ = cancelled;
  ended_ = true;
  changed_.notify();
  group.cancel();
  auto joining = group.join();
  co_await std::move(joining);
  if (cancelled) co_return fail(ErrorKind::cancelled, options_.name + " was cancelled");
  if (fatal_) co_return *fatal_;
  co_return Result<void>();
}

void FileTransfer::end(Error error) {
  if (!fatal_) fatal_ = std::move(error);
  ended_ = true;
  changed_.notify();
}

Error FileTransfer::odd(http::Response const& response, std::string const& why) const {
  auto error = fail(ErrorKind::bad_upstream, options_.name + ": the answer of " + response.route().host + " " + why);
  error.http_status = response.status();
  error.host = response.route().host;
  return error;
}

Error FileTransfer::about(Error error) const {
  if (error.what.find(options_.name) == std::string::npos) error.what = options_.name + ": " + error.what;
  return error;
}

std::optional<Extent> FileTransfer::take() {
  if (missing_.empty()) return std::nullopt;
  if (parts_.source.ignores_ranges()) {  // one stream of everything is all that can be had
    if (active_ > 0) return std::nullopt;
    missing_.clear();
    return Extent{0, size_};
  }
  auto const next = missing_.front();
  Bytes const window = std::max(window_min, options_.range_max * 2 * options_.connections);
  if (next.offset > hashed_ + window) return std::nullopt;
  missing_.pop_front();
  return next;
}

void FileTransfer::put_back(Extent extent) {
  if (extent.length == 0) return;
  auto const place = std::lower_bound(missing_.begin(), missing_.end(), extent,
                                      [](Extent const& a, Extent const& b) { return a.offset < b.offset; });
  missing_.insert(place, extent);
  changed_.notify();
}

asio::awaitable<void> FileTransfer::work() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  Tries tries;
  while (!ended_) {
    auto const extent = take();
    if (!extent) {
      if (missing_.empty() && active_ == 0) co_return;
      bool const woken = co_await changed_.wait();
      if (!woken) co_return;
      continue;
    }
    ++active_;
    auto const asked = parts_.timers.clock().now();
    auto permit = co_await parts_.permits.acquire();
    if (!permit || ended_) {
      --active_;
      put_back(*extent);
      co_return;
    }
    if (++with_permit_ == 1) headway_.had_turn(asked);
    tries.came = 0;
    auto const fetched = co_await fetch(*extent, **permit, tries);
    permit->reset();
    --with_permit_;
    --active_;
    changed_.notify();
    if (fetched) {
      tries = {};
      waiting_for_.clear();
      continue;
    }
    if (ended_) co_return;
    auto const wait = judge(fetched.error(), tries);
    if (!wait) co_return;
    auto const asleep = parts_.timers.clock().now();
    bool const slept = co_await parts_.timers.sleep_for(*wait);
    if (!slept) co_return;
    if (fetched.error().retry_after && with_permit_ == 0) headway_.forgive(asleep);
  }
}

void FileTransfer::arrived(Bytes count, Tries& tries) {
  received_ += count;
  tries.came += count;
  waiting_for_.clear();
  headway_.arrived(count);
}

std::optional<Duration> FileTransfer::judge(Error const& error, Tries& tries) {
  if (error.kind == ErrorKind::cancelled) {
    if (!ended_) end(error);
    return std::nullopt;
  }
  bool const odd_answer = error.kind == ErrorKind::bad_upstream && error.http_status >= 200 && error.http_status < 500;
  bool const progressed = tries.came >= Headway::try_min;
  headway_.failed(error);
  if (progressed) tries.attempt = 0;
  if (tries.came > 0) {
    tries.malformed = 0;
  } else if (odd_answer && !parts_.source.ignores_ranges()) {
    ++tries.malformed;
  }
  if (!may_heal(error.kind) || tries.malformed >= malformed_max) {
    end(error);
    return std::nullopt;
  }
  if (received_ > 4 * size_ + window_min) {  // a server without ranges that always cuts at the same place
    end(fail(ErrorKind::bad_upstream, error.what + "; " + std::to_string(received_) + " bytes came and the file is still not whole"));
    return std::nullopt;
  }
  if (progressed) return Duration::zero();
  auto const wait = headway_.before_retry(error, tries.attempt);
  if (!wait) {
    end(headway_.given_up(error, done_, size_));
    return std::nullopt;
  }
  waiting_for_ = trying_again(*wait, error);
  parts_.log.info(options_.name + ": " + waiting_for_);
  return wait;
}

Async<void> FileTransfer::flush(Extent& rest, fs::Buffer& buffer, std::size_t& filled) {
  struct Stands {
    Bytes done = 0;
    Bytes frontier = 0;
  };
  auto write = [&]() -> Result<Stands> {
    auto const written = partial_->write(rest.offset, std::as_const(buffer).span().first(filled));
    if (!written) return written.error();
    return Stands{partial_->present_bytes(), leading(*partial_)};
  };
  auto const stands = co_await net::offload(parts_.disk, write);
  if (!stands) co_return stands.error();
  rest.offset += filled;
  rest.length -= filled;
  done_ = std::max(done_, stands->done);  // blocks end in any order
  frontier_ = std::max(frontier_, stands->frontier);
  filled = 0;
  changed_.notify();
  co_return Result<void>();
}

Async<std::unique_ptr<http::Response>> FileTransfer::open(Extent extent, unsigned attempt) {
  auto const before = parts_.source.known_waits();
  auto const asked = parts_.timers.clock().now();
  auto const limit = headway_.silence_max(attempt);
  auto answer = co_await parts_.source.open(extent, limit);
  auto const waited = parts_.source.known_waits() - before;
  headway_.forgive_wait(waited);
  if (answer) headway_.answered(parts_.timers.clock().now() - asked - waited);
  co_return answer;
}

Async<void> FileTransfer::fetch(Extent rest, Permit& permit, Tries& tries) {
  OpenRanges::One view(open_, name_of_range(rest), "plain", parts_.timers.clock().now());
  auto answer = co_await open(rest, tries.attempt);
  if (!answer) {
    put_back(rest);
    co_return answer.error();
  }
  auto& response = **answer;
  view.answered(response.route());
  RangeMeter meter(parts_.routes, response.route(), parts_.timers.clock().now(), headway_.patience());
  ReadWatch const watch{parts_.timers.clock(), headway_, meter};
  fs::Buffer buffer(static_cast<std::size_t>(std::min(options_.block_size, rest.length)));
  std::size_t filled = 0;
  std::optional<Error> broken;
  while (rest.length > 0 && !broken) {
    auto const room = std::min<Bytes>(buffer.size(), rest.length) - filled;
    auto const space = buffer.span().subspan(filled, static_cast<std::size_t>(room));
    auto const count = co_await granted_read(permit, response, space, &watch);
    if (!count) {
      broken = count.error();
    } else if (*count == 0) {
      broken = fail(ErrorKind::bad_upstream, options_.name + ": " + response.route().host + " ended the range early");
    } else {
      filled += *count;
      arrived(*count, tries);
      auto const now = parts_.timers.clock().now();
      view.got(now, *count);
      broken = meter.got(now, *count);
      if (broken && filled == rest.length) broken.reset();  // all of it came
      if (broken) headway_.slow();
    }
    if (ended_ && !broken) broken = fail(ErrorKind::cancelled, options_.name + " was cancelled");
    bool const full = filled == buffer.size() || filled == rest.length;
    if (filled > 0 && (full || broken)) {
      auto const flushed = co_await flush(rest, buffer, filled);
      if (!flushed) broken = flushed.error();
    }
  }
  if (!broken) {
    meter.whole();
    headway_.whole();
    std::array<std::byte, 1> more{};
    auto const extra = co_await response.read_some(more);  // 0 lets the connection be used again
    (void)extra;
    co_return Result<void>();
  }
  put_back(rest);
  co_return about(*broken);
}

asio::awaitable<void> FileTransfer::follow() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  while (!ended_ && !complete()) {
    Bytes const ready = frontier_;
    bool const worthwhile = ready >= hashed_ + options_.block_size || ready == size_;
    if (ready == hashed_ || !worthwhile) {
      bool const woken = co_await changed_.wait();
      if (!woken) co_return;
      continue;
    }
    Bytes const stop = std::min(ready, hashed_ + hash_step_max);
    auto step = [&]() -> Result<void> {
      fs::Buffer buffer(static_cast<std::size_t>(options_.block_size));  // as many as the pool has threads, not as files move
      for (Bytes at = hashed_; at < stop;) {
        auto const part = buffer.span().first(static_cast<std::size_t>(std::min<Bytes>(buffer.size(), stop - at)));
        auto const count = partial_->read(at, part);
        if (!count) return count.error();
        if (*count != part.size()) return fail(ErrorKind::io, options_.name + ": its partial was cut under hubd");
        hasher_->update(part);
        at += *count;
      }
      return {};
    };
    auto const hashed = co_await net::offload(parts_.hashing, step);
    if (!hashed) {
      end(hashed.error());
      co_return;
    }
    hashed_ = stop;
    changed_.notify();
  }
}

}  // namespace hubd::transfer
