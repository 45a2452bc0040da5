// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_transfer.h"

#include <algorithm>
#include <map>

#include "core/net/task_group.h"
#include "core/transfer/granted_read.h"
#include "core/transfer/retry.h"
#include "core/transfer/signed_url.h"
#include "core/xet/hashes.h"

namespace hubd::transfer {
namespace {

constexpr Bytes buffer_size = 2_MiB;     // of a connection, for records as they arrive
constexpr std::size_t copiers = 2;       // of chunks that this host has
constexpr std::size_t queue_max = 64;    // fetches that are planned ahead of the connections
constexpr unsigned refusals_max = 4;     // signed URLs that are refused although they are new
constexpr unsigned told_to_wait_max = 8; // answers in a row that say to come later: another route may not say so
constexpr unsigned wrong_max = 3;        // answers to one question that cannot be right: waiting does not mend them

/// Adds what of `run` no other run covers; both stay disjoint and in order.
void add_uncovered(std::vector<store::HeldRun>& runs, store::HeldRun const& run) {
  std::vector<store::HeldRun> parts;
  Bytes at = run.offset;
  for (auto i = run.first; i < run.end; ++i) {
    auto const& chunk = run.chunks[i - run.first];
    bool const covered = std::any_of(runs.begin(), runs.end(), [&](store::HeldRun const& one) { return one.first <= i && i < one.end; });
    if (!covered) {
      if (parts.empty() || parts.back().end != i) parts.push_back({i, i, run.etag, at, {}});
      parts.back().end = i + 1;
      parts.back().chunks.push_back(chunk);
    }
    at += chunk.length;
  }
  std::move(parts.begin(), parts.end(), std::back_inserter(runs));
  std::sort(runs.begin(), runs.end(), [](store::HeldRun const& a, store::HeldRun const& b) { return a.first < b.first; });
}

Bytes length_of(std::span<store::RecipeChunk const> chunks) {
  Bytes sum = 0;
  for (auto const& chunk : chunks) sum += chunk.length;
  return sum;
}

}  // namespace

XetTransfer::XetTransfer(Parts parts, Options options, ContentId id, xet::MerkleHash file, Bytes size)
    : parts_(std::move(parts)), options_(std::move(options)), id_(std::move(id)), file_(file), size_(size),
      headway_(parts_.timers.clock(), parts_.permits, options_.progress_timeout), changed_(parts_.executor) {}
XetTransfer::~XetTransfer() {
  parts_.flights.leave(this, id_.etag());
  if (discarded_) parts_.flights.forget(id_.etag());
}

Result<void> XetTransfer::discard() {
  discarded_ = true;
  return partial_->discard();
}

cas::CallContext XetTransfer::context(unsigned attempt) {
  cas::CallContext context;
  context.user_agent = options_.user_agent;
  context.progress_deadline = headway_.silence_max(attempt);
  context.retries = estimating_ ? 2 : 0;  // judge() counts them
  context.requests = &requests_;
  return context;
}

Error XetTransfer::about(Error error) const {
  if (error.what.find(options_.name) == std::string::npos) error.what = options_.name + ": " + error.what;
  return error;
}

void XetTransfer::end(Error error) {
  if (!fatal_) fatal_ = std::move(error);
  ended_ = true;
  changed_.notify();
}

Async<void> XetTransfer::open() {
  auto open = [this]() -> Result<void> {
    auto opened = Partial::open(parts_.files, options_.folder, id_, size_, nullptr);
    if (!opened) return opened.error();
    partial_ = std::move(*opened);
    for (auto const& [offset, chunk] : partial_->take_chunks()) {
      chunks_.push_back({offset, chunk.length, 0, chunk.hash});
      covered_.add({offset, chunk.length});
    }
    claimed_ = covered_;
    return partial_->reserve();
  };
  auto const opened = co_await net::offload(parts_.disk, open);
  co_return opened;
}

Async<void> XetTransfer::run() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto const opened = co_await open();
  if (!opened) co_return opened.error();
  // The terms of the whole file, also of what is there already: the recipe needs them.
  for (Bytes at = 0; at < size_; at += options_.block_size) gaps_.push_back({{at, std::min(options_.block_size, size_ - at)}, false});
  while (true) {
    auto const passed = co_await pass();
    if (!passed) co_return passed.error();
    auto look = [this] { return whole_and_right(); };
    bool const right = co_await net::offload(parts_.hashing, look);
    if (right) co_return Result<void>();
    ++mismatches_;
    if (repairing_) break;
    parts_.log.warning(options_.name + ": its chunks do not make up the Hub's content id; fetching what nothing confirms again");
    repairing_ = true;
    stale_ = generation_;
    for (auto const& extent : suspects()) {
      covered_.subtract(extent);
      claimed_.subtract(extent);
      gaps_.push_back({extent, true});
    }
  }
  auto forget = [this] { return discard(); };
  auto const forgotten = co_await net::offload(parts_.disk, forget);
  if (!forgotten) parts_.log.warning(forgotten.error().what);
  co_return fail(ErrorKind::corrupt, options_.name + " was fetched twice and its chunks do not make up the Hub's content id " + file_.text() +
                                         "; nothing was published, try again later or through another network");
}

Async<void> XetTransfer::pass() {
  ended_ = false;
  fatal_.reset();
  headway_.step();
  auto on_bug = [this](std::exception_ptr) { end(fail(ErrorKind::internal, options_.name + ": a task ended by an exception")); };
  net::TaskGroup group(parts_.executor, on_bug);
  group.spawn("plan", plan());
  group.spawn("wait for flights", wait_for_flights());
  for (std::size_t i = 0; i < copiers; ++i) group.spawn("copy chunks", copy());
  for (std::size_t i = 0; i < options_.connections; ++i) group.spawn("fetch chunks", work());
  bool cancelled = false;
  while (!idle() && !fatal_ && !cancelled) {
    bool const woken = co_await changed_.wait();
    cancelled = !woken;
  }
  ended_ = true;
  changed_.notify();
  group.cancel();
  auto joining = group.join();
  co_await std::move(joining);
  if (cancelled) co_return fail(ErrorKind::cancelled, options_.name + " was cancelled");
  if (fatal_) co_return *fatal_;
  co_return Result<void>();
}

asio::awaitable<void> XetTransfer::plan() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  unsigned attempt = 0;
  unsigned wrong_answers = 0;
  while (!ended_) {
    if (gaps_.empty() || queue_.size() >= queue_max) {
      bool const woken = co_await changed_.wait();
      if (!woken) co_return;
      continue;
    }
    auto const gap = gaps_.front();
    gaps_.pop_front();
    planning_ = true;
    auto const asked = co_await ask(gap, attempt);
    planning_ = false;
    changed_.notify();
    if (asked) {
      attempt = 0;
      wrong_answers = 0;
      continue;
    }
    gaps_.push_front(gap);
    bool const wrong = asked.error().kind == ErrorKind::bad_upstream && asked.error().http_status == 200;
    wrong_answers = wrong ? wrong_answers + 1 : 0;
    if (wrong_answers >= wrong_max) {
      end(about(asked.error()));
      co_return;
    }
    auto const wait = judge(asked.error(), attempt, false);
    if (!wait) co_return;
    auto const asleep = parts_.timers.clock().now();
    bool const slept = co_await parts_.timers.sleep_for(*wait);
    if (!slept) co_return;
    if (asked.error().retry_after && with_permit_ == 0) headway_.forgive(asleep);
  }
}

Async<void> XetTransfer::ask(Gap gap, unsigned attempt) {
  bool const known = gap.exact || terms_known_.contains(gap.extent);
  if (known && covered_.contains(gap.extent)) co_return Result<void>();
  auto const generation = ++generation_;
  auto const with = context(attempt);
  auto answer = co_await parts_.cas.reconstruction(parts_.tokens, file_, gap.extent, with);
  if (!answer) co_return about(answer.error());
  auto layout = lay_out(*answer, gap.extent, size_);
  if (!layout) {
    auto wrong = about(layout.error());
    wrong.http_status = 200;
    co_return wrong;
  }
  headway_.step();
  for (auto const& term : layout->terms) {
    if (terms_known_.contains(term.extent)) continue;
    terms_.push_back(term);
    terms_known_.add(term.extent);
  }
  auto const landings = parts_.flights.landings();
  auto const claimed = claimed_.total();
  if (!repairing_) {
    auto const looked = co_await look_here(layout->terms);
    if (!looked) co_return looked.error();
  }
  bool const exact = gap.exact && claimed_.total() == claimed;
  auto const now = parts_.timers.clock().now();
  for (auto& fetch : layout->fetches) {
    auto const life = life_of(fetch.url, parts_.timers.clock().wall());
    Queued queued{std::move(fetch), generation, landings, exact};
    if (life) queued.renew_at = renewal(now, *life);
    sort_out(std::move(queued));
  }
  changed_.notify();
  co_return Result<void>();
}

/// What of a fetch lacks: all of it is asked for as it is, parts by ranges of their own.
void XetTransfer::sort_out(Queued queued) {
  auto const& fetch = queued.fetch;
  Bytes wanted = 0;
  Bytes lacking = 0;
  std::vector<Extent> pieces;
  std::uint32_t chunks_of_lacking = 0;
  std::uint32_t reached = fetch.first;
  for (auto const& term : fetch.terms) {
    auto const missing = claimed_.lacking(term.extent);
    wanted += term.extent.length;
    for (auto const& extent : missing) lacking += extent.length;
    pieces.insert(pieces.end(), missing.begin(), missing.end());
    if (missing.empty()) continue;
    auto const from = std::max(reached, term.first);
    if (term.end > from) chunks_of_lacking += term.end - from;
    reached = std::max(reached, term.end);
  }
  if (lacking == 0) return;
  bool const coming = !repairing_ && !estimating_ && (parts_.flights.bring(fetch.xorb, fetch.first, fetch.end) ||
                                       parts_.flights.brought(fetch.xorb, fetch.first, fetch.end, queued.landings));
  if (coming) {
    waiting_.push_back(std::move(queued));
    return;
  }
  bool const nearly_all = wanted - lacking <= options_.bridge_max && chunks_of_lacking == fetch.end - fetch.first;
  if (queued.exact || (nearly_all && parts_.flights.may_bridge(wanted - lacking))) {
    take_off(std::move(queued));
    return;
  }
  std::sort(pieces.begin(), pieces.end(), [](Extent const& a, Extent const& b) { return a.offset < b.offset; });
  for (auto const& piece : pieces) {
    if (!gaps_.empty() && gaps_.back().exact && piece.offset >= gaps_.back().extent.end() &&
        piece.offset - gaps_.back().extent.end() <= options_.bridge_max &&
        parts_.flights.may_bridge(piece.offset - gaps_.back().extent.end())) {
      gaps_.back().extent.length = piece.end() - gaps_.back().extent.offset;
      continue;
    }
    gaps_.push_back({piece, true});
  }
}

void XetTransfer::take_off(Queued queued) {
  queued.first = queued.fetch.first;
  queued.end = queued.fetch.end;
  if (!estimating_) parts_.flights.begin(this, queued.fetch.xorb, queued.first, queued.end);
  queue_.push_back(std::move(queued));
}

void XetTransfer::land(Queued const& queued) { parts_.flights.end(this, queued.fetch.xorb, queued.first, queued.end); }

/// What other fetches brought in the meantime is copied; what is left is fetched now.
asio::awaitable<void> XetTransfer::wait_for_flights() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  while (!ended_) {
    if (waiting_.empty()) {
      bool const woken = co_await changed_.wait();
      if (!woken) co_return;
      continue;
    }
    auto const& next = waiting_.front().fetch;
    if (parts_.flights.bring(next.xorb, next.first, next.end)) {
      bool const woken = co_await parts_.flights.changed.wait();
      if (!woken) co_return;
      continue;
    }
    auto queued = std::move(waiting_.front());
    waiting_.pop_front();
    ++active_;
    queued.landings = parts_.flights.landings();
    auto const terms = queued.fetch.terms;
    auto const claimed = claimed_.total();
    auto const looked = co_await look_here(terms);
    queued.exact = queued.exact && claimed_.total() == claimed;
    --active_;
    if (!looked) {
      if (!ended_) end(looked.error());
      co_return;
    }
    sort_out(std::move(queued));
    changed_.notify();
  }
}

bool XetTransfer::over(Queued const& queued) const {
  return queued.generation <= stale_ || (queued.renew_at && parts_.timers.clock().now() >= *queued.renew_at);
}

void XetTransfer::arrived(Bytes count) {
  received_ += count;
  waiting_for_.clear();
  headway_.arrived(count);
}

void XetTransfer::put_back(Queued queued) {
  if (queued.fetch.terms.empty()) {
    land(queued);
    return;
  }
  if (!over(queued)) {
    queue_.push_front(std::move(queued));
  } else {
    land(queued);
    for (auto const& term : queued.fetch.terms) ask_anew(term.extent);
  }
  changed_.notify();
}

/// URLs end for many fetches at once: one question for what stands side by side.
void XetTransfer::ask_anew(Extent extent) {
  if (!gaps_.empty() && gaps_.back().exact) {
    auto& last = gaps_.back().extent;
    if (last.end() == extent.offset && last.length + extent.length <= options_.block_size) {
      last.length += extent.length;
      return;
    }
  }
  gaps_.push_back({extent, true});
}

asio::awaitable<void> XetTransfer::work() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  unsigned attempt = 0;
  while (!ended_) {
    if (queue_.empty()) {
      bool const woken = co_await changed_.wait();
      if (!woken) co_return;
      continue;
    }
    auto queued = std::move(queue_.front());
    queue_.pop_front();
    if (over(queued)) {
      put_back(std::move(queued));
      continue;
    }
    ++active_;
    auto const asked = parts_.timers.clock().now();
    auto permit = co_await parts_.permits.acquire();
    if (!permit || ended_) {
      --active_;
      put_back(std::move(queued));
      co_return;
    }
    if (++with_permit_ == 1) headway_.had_turn(asked);
    auto const before = queued.fetch.first;
    Fetched result;
    auto const fetched = co_await fetch(queued.fetch, **permit, attempt, result);
    bool const placed_some = queued.fetch.first > before;
    bool const progressed = placed_some && result.came >= Headway::try_min;
    queued.wrong = placed_some || !result.wrong ? 0 : queued.wrong + 1;
    bool const useless = queued.wrong >= wrong_max;
    permit->reset();
    --with_permit_;
    if (!fetched && fetched.error().http_status == 403) {
      stale_ = std::max(stale_, queued.generation);
      ++refusals_;
    } else if (fetched) {
      refusals_ = 0;
    }
    bool const over = !fetched && fetched.error().http_status == 403 && refusals_ < refusals_max;
    put_back(std::move(queued));
    --active_;
    changed_.notify();
    if (fetched) {
      attempt = 0;
      waiting_for_.clear();
    }
    if (fetched || over) continue;
    if (ended_) co_return;
    if (useless) {
      end(about(fetched.error()));
      co_return;
    }
    auto const wait = judge(fetched.error(), attempt, progressed);
    if (!wait) co_return;
    auto const asleep = parts_.timers.clock().now();
    bool const slept = co_await parts_.timers.sleep_for(*wait);
    if (!slept) co_return;
    if (fetched.error().retry_after && with_permit_ == 0) headway_.forgive(asleep);
  }
}

std::optional<Duration> XetTransfer::judge(Error const& error, unsigned& attempt, bool progressed) {
  if (error.kind == ErrorKind::cancelled) {
    if (!ended_) end(error);
    return std::nullopt;
  }
  bool const hopeless = !may_heal(error.kind) || (error.http_status >= 400 && error.http_status < 500 && error.http_status != 408 && error.http_status != 429);
  if (progressed) attempt = 0;
  // What is sent again and again and never fits is not worth its bytes.
  bool const too_much = received_ > 3 * size_ + 64_MiB;
  bool const put_off = error.retry_after && attempt >= told_to_wait_max;
  headway_.failed(error);
  if (hopeless || too_much || put_off) {
    end(about(error));
    return std::nullopt;
  }
  if (progressed) return Duration::zero();
  auto const wait = headway_.before_retry(error, attempt);
  if (!wait) {
    end(headway_.given_up(about(error), done(), size_));
    return std::nullopt;
  }
  waiting_for_ = trying_again(*wait, error);
  parts_.log.info(options_.name + ": " + waiting_for_);
  return wait;
}

Async<void> XetTransfer::fetch(XetFetch& rest, Permit& permit, unsigned attempt, Fetched& result) {
  auto const with = context(attempt);
  auto const asked = parts_.timers.clock().now();
  auto name = "chunks " + std::to_string(rest.first) + " to " + std::to_string(rest.end) + " of xorb " + rest.xorb.text();
  OpenRanges::One view(open_, std::move(name), "xet", asked);
  auto answer = co_await parts_.cas.open_range(rest.url, rest.bytes, with);
  if (!answer) {
    auto const& error = answer.error();
    result.wrong = error.kind == ErrorKind::bad_upstream && (error.http_status == 200 || error.http_status == 206);
    co_return about(error);
  }
  auto& response = **answer;
  auto const begun = parts_.timers.clock().now();
  headway_.answered(begun - asked);
  view.answered(response.route());
  RangeMeter meter(parts_.routes, response.route(), begun, headway_.patience());
  ReadWatch const watch{parts_.timers.clock(), headway_, meter};
  XetUnpacker unpacker(*partial_, rest);
  fs::Buffer buffer(static_cast<std::size_t>(std::min(buffer_size, std::max<Bytes>(rest.bytes.length, 1))));
  std::size_t filled = 0;
  while (rest.first < rest.end) {
    auto const space = buffer.span().subspan(filled);
    if (space.empty()) co_return about(fail(ErrorKind::bad_upstream, response.route().host + " sent a chunk record longer than any may be"));
    auto const count = co_await granted_read(permit, response, space, &watch);
    std::optional<Error> broken;
    if (!count) {
      broken = count.error();
    } else if (*count == 0) {
      broken = fail(ErrorKind::bad_upstream, response.route().host + " ended a range of a xorb early");
    } else {
      filled += *count;
      result.came += *count;
      arrived(*count);
      auto const now = parts_.timers.clock().now();
      view.got(now, *count);
      broken = meter.got(now, *count);
      if (broken) headway_.slow();
    }
    if (ended_ && !broken) broken = fail(ErrorKind::cancelled, options_.name + " was cancelled");
    bool const full = filled == buffer.size() || filled == rest.bytes.length;
    if (filled > 0 && (full || broken)) {
      auto const data = buffer.span().first(filled);
      auto const unpacked = co_await unpack(unpacker, data, filled);
      if (!unpacked && !broken) broken = unpacked.error();
      result.wrong = result.wrong || (!unpacked && unpacked.error().kind == ErrorKind::bad_upstream);
    }
    if (broken && rest.first < rest.end) co_return about(*broken);
  }
  meter.whole();
  headway_.whole();
  std::array<std::byte, 1> more{};
  auto const extra = co_await response.read_some(more);  // 0 lets the connection be used again
  (void)extra;
  co_return Result<void>();
}

Async<void> XetTransfer::unpack(XetUnpacker& unpacker, std::span<std::byte> data, std::size_t& filled) {
  XetUnpacker::Done done;
  auto const xorb = unpacker.xorb();
  auto job = [&]() -> Result<void> {
    auto const taken = unpacker.take(data, done);
    auto const kept = data.subspan(done.used);
    std::copy(kept.begin(), kept.end(), data.begin());
    return taken;
  };
  auto const taken = co_await net::offload(parts_.hashing, job);
  filled -= done.used;
  for (auto const& chunk : done.placed)
    parts_.flights.arrived(id_.etag(), xorb, chunk.index, {chunk.hash, chunk.length}, chunk.offset);
  for (auto const& chunk : done.placed) parts_.flights.note_fetched(chunk.length);
  if (!repairing_) bridged_ += known_of(xorb, done.placed);
  placed(done.placed);
  co_return taken;
}

/// Bytes of chunks that arrived although this host has them: no place of the file that wants them lacked them, or nobody asked
/// where they belong.
Bytes XetTransfer::known_of(xet::MerkleHash const& xorb, std::vector<PlacedChunk> const& arrived) const {
  std::map<std::uint32_t, std::pair<Bytes, bool>> chunks;  // by index: length, and whether no place lacked it
  for (auto const& chunk : arrived) {
    auto& [length, known] = chunks.try_emplace(chunk.index, chunk.length, true).first->second;
    known = known && (unplaced_.contains({xorb, chunk.index}) || claimed_.contains({chunk.offset, chunk.length}));
  }
  Bytes sum = 0;
  for (auto const& [index, chunk] : chunks) sum += chunk.second ? chunk.first : 0;
  return sum;
}

void XetTransfer::placed(std::vector<PlacedChunk> const& chunks) {
  for (auto const& chunk : chunks) {
    chunks_.push_back(chunk);
    covered_.add({chunk.offset, chunk.length});
    claimed_.add({chunk.offset, chunk.length});
  }
  changed_.notify();
}

Async<void> XetTransfer::look_here(std::vector<XetTerm> const& terms) {
  constexpr std::size_t at_once = 64;  // terms per job: other work on the pool goes between
  for (std::size_t i = 0; i < terms.size(); i += at_once) {
    std::vector<XetTerm> lacking;
    std::vector<std::vector<store::HeldRun>> held;
    for (std::size_t j = i; j < std::min(terms.size(), i + at_once); ++j) {
      if (claimed_.contains(terms[j].extent)) continue;
      lacking.push_back(terms[j]);
      held.push_back(parts_.flights.held(terms[j].xorb, terms[j].first, terms[j].end));
    }
    auto look = [&] {
      for (std::size_t j = 0; j < lacking.size(); ++j) {
        auto runs = parts_.holder.find(lacking[j].xorb, lacking[j].first, lacking[j].end);
        for (auto const& run : held[j]) add_uncovered(runs, run);
        held[j] = std::move(runs);
      }
      return true;
    };
    bool const looked = co_await net::offload(parts_.disk, look);
    if (!looked || ended_) co_return fail(ErrorKind::cancelled, options_.name + " was cancelled");
    for (std::size_t j = 0; j < lacking.size(); ++j) {
      if (held[j].empty()) continue;
      auto runs = std::move(held[j]);
      std::erase_if(runs, [this](store::HeldRun const& run) { return failed_sources_.contains(run.etag); });
      auto const claimed = co_await claim(lacking[j], std::move(runs));
      if (!claimed) co_return claimed.error();
    }
  }
  co_return Result<void>();
}

/// Where each held run stands in the file: what leads to the term's beginning or end says it by its lengths; what lies in
/// between is found by asking the CAS which chunk stands at some byte.
Async<void> XetTransfer::claim(XetTerm term, std::vector<store::HeldRun> runs) {
  std::size_t from = 0;
  for (; from < runs.size() && runs[from].first == term.first; ++from) {
    auto const length = length_of(runs[from].chunks);
    if (length > term.extent.length) co_return Result<void>();  // a recipe that cannot be right
    add_copy(runs[from], term.extent.offset);
    term.first = runs[from].end;
    term.extent = {term.extent.offset + length, term.extent.length - length};
  }
  std::size_t to = runs.size();
  for (; to > from && runs[to - 1].end == term.end; --to) {
    auto const length = length_of(runs[to - 1].chunks);
    if (length > term.extent.length) co_return Result<void>();
    term.end = runs[to - 1].first;
    term.extent.length -= length;
    add_copy(runs[to - 1], term.extent.end());
  }
  for (; from < to && !ended_ && probing_; ++from) {
    auto const& run = runs[from];
    auto const length = length_of(run.chunks);
    if (length > term.extent.length) continue;
    if (length < options_.bridge_max && parts_.flights.may_bridge(length)) {
      for (auto i = run.first; i < run.end; ++i) unplaced_.emplace(term.xorb, i);
      continue;  // fetched again with what stands beside it
    }
    auto const offset = co_await locate(term, run);
    if (!offset) co_return offset.error();
    if (!*offset) continue;
    add_copy(run, **offset);
    auto const end = **offset + length;
    term.first = run.end;
    term.extent = {end, term.extent.end() - end};
  }
  co_return Result<void>();
}

void XetTransfer::add_copy(store::HeldRun const& run, Bytes to) {
  Extent const extent{to, length_of(run.chunks)};
  if (claimed_.contains(extent) || extent.end() > size_) return;
  claimed_.add(extent);
  copies_.push_back({run.etag, run.offset, to, run.chunks});
  changed_.notify();
}

/// Asks which chunk stands at a byte where one of `run` should be, until it is one. `term` narrows to what lies around.
Async<std::optional<Bytes>> XetTransfer::locate(XetTerm term, store::HeldRun const& run) {
  constexpr int tries_max = 5;
  std::optional<Bytes> found;
  for (int i = 0; i < tries_max && term.first < term.end && term.extent.length > 0; ++i) {
    auto const wanted = (run.first + run.end) / 2 - term.first;
    Extent const byte{term.extent.offset + std::min(term.extent.length - 1, term.extent.length * wanted / (term.end - term.first)), 1};
    auto const with = context();
    auto const answer = co_await parts_.cas.reconstruction(parts_.tokens, file_, byte, with);
    if (!answer && answer.error().kind == ErrorKind::cancelled) co_return about(answer.error());
    if (!answer) {
      probing_ = false;  // reuse is not worth waiting for a CAS that does not answer
      break;
    }
    headway_.step();
    if (answer->terms.size() != 1 || answer->offset_into_first_range > byte.offset) break;
    auto const& chunk = answer->terms.front();
    auto const at = byte.offset - answer->offset_into_first_range;
    bool const inside = chunk.xorb == term.xorb && chunk.first >= term.first && chunk.first < term.end && chunk.end == chunk.first + 1 &&
                        at >= term.extent.offset && chunk.length <= term.extent.end() - at;
    if (!inside) break;
    if (chunk.first >= run.first && chunk.first < run.end) {
      auto const& known = run.chunks[chunk.first - run.first];
      auto const before = length_of(std::span(run.chunks).first(chunk.first - run.first));
      bool const fits = known.length == chunk.length && at - term.extent.offset >= before &&
                        length_of(run.chunks) - before <= term.extent.end() - at;
      if (fits) found = at - before;
      break;
    }
    if (chunk.first < run.first) {
      term.first = chunk.first + 1;
      auto const next = at + chunk.length;
      term.extent = {next, term.extent.end() - next};
    } else {
      term.end = chunk.first;
      term.extent.length = at - term.extent.offset;
    }
  }
  co_return found;
}

asio::awaitable<void> XetTransfer::copy() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  fs::Buffer buffer(static_cast<std::size_t>(buffer_size));
  std::unique_ptr<fs::File> file;
  while (!ended_) {
    if (copies_.empty()) {
      bool const woken = co_await changed_.wait();
      if (!woken) co_return;
      continue;
    }
    auto rest = std::move(copies_.front());
    copies_.pop_front();
    ++copying_;
    file.reset();
    std::optional<Error> broken;
    while (!rest.chunks.empty() && !broken && !ended_) {
      auto const copied = co_await copy_some(rest, buffer, file);
      if (!copied) broken = copied.error();
    }
    --copying_;
    if (!rest.chunks.empty()) {
      Extent const extent{rest.to, length_of(rest.chunks)};
      claimed_.subtract(extent);
      gaps_.push_back({extent, true});
    }
    changed_.notify();
    if (broken) {
      failed_sources_.insert(rest.etag);
      parts_.flights.forget(rest.etag);
    }
    // The chunks of others may be gone; our own partial that cannot be written is the end.
    if (broken && broken->kind != ErrorKind::corrupt) {
      end(about(*broken));
      co_return;
    }
  }
}

/// Fails: corrupt when the source is gone or is not what it should be; disk_full, io of the partial.
Async<void> XetTransfer::copy_some(Copy& rest, fs::Buffer& buffer, std::unique_ptr<fs::File>& file) {
  std::vector<PlacedChunk> done;
  auto job = [&]() -> Result<void> {
    auto const gone = [&] { return fail(ErrorKind::corrupt, "the content " + rest.etag + " that holds chunks of " + options_.name + " is not what it was"); };
    if (!file) file = parts_.holder.open(rest.etag);
    if (!file) return gone();
    std::vector<WrittenChunk> chunks;
    std::size_t length = 0;
    for (auto const& chunk : rest.chunks) {
      if (length + chunk.length > buffer.size()) break;
      chunks.push_back({chunk.length, chunk.hash});
      length += chunk.length;
    }
    auto const bytes = buffer.span().first(length);
    auto const count = file->read_at(rest.from, bytes);
    bool right = count && *count == length;
    std::size_t at = 0;
    for (std::size_t i = 0; right && i < chunks.size(); ++i) {
      right = xet::chunk_hash(bytes.subspan(at, chunks[i].length)) == chunks[i].hash;
      at += chunks[i].length;
    }
    if (!right) {
      parts_.holder.distrust(rest.etag);
      return gone();
    }
    auto const written = partial_->write_chunks(rest.to, bytes, chunks);
    if (!written) return written;
    for (auto const& chunk : chunks) {
      done.push_back({rest.to, chunk.length, 0, chunk.hash});
      rest.from += chunk.length;
      rest.to += chunk.length;
    }
    rest.chunks.erase(rest.chunks.begin(), rest.chunks.begin() + static_cast<std::ptrdiff_t>(chunks.size()));
    return {};
  };
  auto const copied = co_await net::offload(parts_.hashing, job);
  placed(done);
  for (auto const& chunk : done) reused_ += chunk.length;
  headway_.step();
  co_return copied;
}

/// Chunks in the order of the file, the last placed of each place; terms likewise.
void XetTransfer::settle() {
  std::vector<std::pair<Bytes, std::size_t>> order;  // (offset, which), so that of one place the last placed comes last
  order.reserve(chunks_.size());
  for (std::size_t i = 0; i < chunks_.size(); ++i) order.emplace_back(chunks_[i].offset, i);
  std::sort(order.begin(), order.end());
  std::vector<PlacedChunk> settled;
  settled.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i + 1 < order.size() && order[i + 1].first == order[i].first) continue;
    auto const& chunk = chunks_[order[i].second];
    bool const overlaps = !settled.empty() && chunk.offset < settled.back().offset + settled.back().length;
    if (!overlaps) settled.push_back(chunk);
  }
  chunks_ = std::move(settled);
  std::sort(terms_.begin(), terms_.end(), [](XetTerm const& a, XetTerm const& b) { return a.extent.offset < b.extent.offset; });
}

/// Do the chunks tile the file and make up its id?
bool XetTransfer::whole_and_right() {
  settle();
  std::vector<xet::HashedSize> leaves;
  leaves.reserve(chunks_.size());
  Bytes at = 0;
  for (auto const& chunk : chunks_) {
    if (chunk.offset != at) return false;
    leaves.push_back({chunk.hash, chunk.length});
    at += chunk.length;
  }
  return at == size_ && xet::file_hash(leaves) == file_;
}

/// Parts of the file that no xorb hash confirms.
std::vector<Extent> XetTransfer::suspects() const {
  std::map<xet::MerkleHash, std::map<std::uint32_t, PlacedChunk const*>> xorbs;  // chunks by index
  std::vector<std::pair<XetTerm const*, std::vector<PlacedChunk const*>>> placed;
  auto chunk = chunks_.begin();
  for (auto const& term : terms_) {
    std::vector<PlacedChunk const*> here;
    while (chunk != chunks_.end() && chunk->offset < term.extent.offset) ++chunk;
    for (; chunk != chunks_.end() && chunk->offset < term.extent.end(); ++chunk) here.push_back(&*chunk);
    if (here.size() == term.end - term.first)
      for (std::uint32_t i = 0; i < here.size(); ++i) xorbs[term.xorb][term.first + i] = here[i];
    placed.emplace_back(&term, std::move(here));
  }
  ExtentSet confirmed;
  for (auto const& [xorb, known] : xorbs) {
    std::vector<xet::HashedSize> leaves;
    for (auto const& [index, one] : known) {
      if (index != leaves.size()) break;
      leaves.push_back({one->hash, one->length});
    }
    if (leaves.size() != known.size() || xet::merkle_root(leaves) != xorb) continue;
    for (auto const& [term, here] : placed)
      if (term->xorb == xorb && here.size() == term->end - term->first) confirmed.add(term->extent);
  }
  std::vector<Extent> suspects;
  for (auto const& extent : confirmed.lacking({0, size_}))
    for (Bytes at = extent.offset; at < extent.end(); at += options_.block_size)
      suspects.push_back({at, std::min(options_.block_size, extent.end() - at)});
  return suspects;
}

}  // namespace hubd::transfer
