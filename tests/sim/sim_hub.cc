// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_hub.h"

#include <algorithm>
#include <cstring>

#include "core/hash/hasher.h"
#include "core/xet/chunker.h"
#include "core/xet/hashes.h"

namespace hubd::sim {
namespace {

constexpr Bytes lfs_min = 2000;

std::string bytes_of(std::uint64_t number, Bytes size) {
  auto const random = seeded_random(number * 7919 + 1);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    auto const word = random->next();
    std::memcpy(bytes.data() + i, &word, std::min<std::size_t>(8, bytes.size() - i));
  }
  return bytes;
}

/// Bytes that the real chunker cuts at their end and nowhere else, of at most `size_max` or a little more.
std::string natural_chunk(std::uint64_t number, Bytes size_max) {
  for (std::uint64_t i = 0;; ++i) {
    auto bytes = bytes_of(number * 131 + i, size_max + i * 64);
    xet::Chunker chunker;
    auto const step = chunker.next(as_bytes(bytes));
    if (!step.cut) continue;
    bytes.resize(step.taken);
    return bytes;
  }
}

std::int64_t seconds_of(WallTime time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }

std::string quoted(std::string const& text) { return "\"" + text + "\""; }

std::string entry_json(ListedFile const& file) {
  auto json = "{\"type\":\"file\",\"path\":" + quoted(file.path) + ",\"size\":" + std::to_string(file.size) + ",\"oid\":" + quoted(file.blob_id);
  if (!file.xet_hash.empty()) json += ",\"xetHash\":" + quoted(file.xet_hash);
  if (!file.lfs_sha256.empty()) json += ",\"lfs\":{\"oid\":" + quoted(file.lfs_sha256) + ",\"size\":" + std::to_string(file.size) + "}";
  return json + "}";
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

class SimHub::Using {
 public:
  explicit Using(SimHub& hub) : hub_(hub) {
    if (++hub_.using_ > hub_.ceilings_.connections && hub_.broken_ceiling.empty())
      hub_.broken_ceiling = std::to_string(hub_.using_) + " requests for file bytes at once, where " +
                            std::to_string(hub_.ceilings_.connections) + " are allowed";
  }
  ~Using() { --hub_.using_; }
  Using(Using const&) = delete;
  Using& operator=(Using const&) = delete;

 private:
  SimHub& hub_;
};

void SimHub::set_ceilings(Ceilings ceilings) {
  if (ceilings.bandwidth != ceilings_.bandwidth) {
    ahead_ = 0;
    ahead_at_ = time_.now();
  }
  ceilings_ = ceilings;
}

void SimHub::taken(Bytes bytes) {
  delivered += bytes;
  if (!ceilings_.bandwidth) return;
  std::chrono::duration<double> const passed = time_.now() - ahead_at_;
  ahead_at_ = time_.now();
  ahead_ = std::max(0.0, ahead_ - passed.count() * static_cast<double>(*ceilings_.bandwidth)) + static_cast<double>(bytes);
  if (ahead_ > static_cast<double>(ceilings_.slack) && broken_ceiling.empty())
    broken_ceiling = std::to_string(static_cast<Bytes>(ahead_)) + " bytes came ahead of the bandwidth of " +
                     std::to_string(*ceilings_.bandwidth) + " bytes per second, where " + std::to_string(ceilings_.slack) + " may";
}

std::string SimHub::etag_of(std::string const& repo, std::string const& path) const {
  for (auto const& file : repos_.at(repo).listing)
    if (file.path == path) return file.etag();
  return {};
}

std::string const* SimHub::content_of(std::string const& etag) const {
  auto const found = by_etag_.find(etag);
  return found == by_etag_.end() ? nullptr : found->second.get();
}

class SimHub::Answer final : public http::Response {
 public:
  Answer(SimHub& hub, http::Request const& request, int status, std::string body, std::string final_url)
      : hub_(hub), deadline_(request.progress_deadline), status_(status), body_(std::move(body)), url_(std::move(final_url)) {
    route_.host = "hub.sim:443";
    route_.address = "192.0.2.1:443";
    headers_.set("Content-Length", std::to_string(body_.size()));
    ++hub_.open;
    hub_.open_max = std::max(hub_.open_max, hub_.open);
  }
  ~Answer() override { --hub_.open; }
  Answer(Answer const&) = delete;
  Answer& operator=(Answer const&) = delete;

  int status() const override { return status_; }
  http::Headers const& headers() const override { return headers_; }
  std::string const& url() const override { return url_; }
  std::vector<std::pair<std::string, http::Headers>> const& hops() const override { return hops_; }
  http::Route const& route() const override { return route_; }
  std::string const& request_id() const override { return request_id_; }
  std::optional<Bytes> content_length() const override { return body_.size(); }

  Async<std::size_t> read_some(std::span<std::byte> out) override {
    bool const slow = slow_ && (hub_.faults.slow > 0 || hub_.slow_stays);
    if (slow) out = out.first(std::min(out.size(), std::size_t{slow_bytes_per_second}));
    auto const wait = slow ? Duration(std::chrono::seconds(1))
                           : Duration(std::chrono::microseconds(1000 * std::min<Bytes>(out.size(), 65536) / std::max<Bytes>(1, hub_.bytes_per_ms)));
    bool const slept = co_await hub_.time_.sleep_for(wait);
    if (!slept) co_return fail(ErrorKind::cancelled, "cancelled");
    if (at_ >= stall_at_) {
      bool const waited = co_await hub_.time_.sleep_for(deadline_);
      if (!waited) co_return fail(ErrorKind::cancelled, "cancelled");
      ++hub_.broken;
      co_return fail(ErrorKind::stalled, "hub.sim:443 sent no byte for too long");
    }
    auto const stop = std::min({body_.size(), cut_at_, stall_at_});
    auto const count = std::min({out.size(), stop - at_, std::size_t{65536}});
    if (count == 0 && at_ < body_.size()) {
      ++hub_.broken;
      co_return fail(ErrorKind::bad_upstream, "hub.sim:443 cut the answer short");
    }
    std::memcpy(out.data(), body_.data() + at_, count);
    at_ += count;
    if (counts_) hub_.taken(count);
    for (; next_record_ < records_.size() && records_[next_record_].second <= at_; ++next_record_)
      ++hub_.chunks_taken[{xorb_, records_[next_record_].first}];
    co_return count;
  }

  http::Headers headers_;
  std::vector<std::pair<std::string, http::Headers>> hops_;
  std::size_t cut_at_ = std::string::npos;
  std::size_t stall_at_ = std::string::npos;
  bool counts_ = false;
  bool slow_ = false;
  std::unique_ptr<Using> using_;
  std::uint64_t xorb_ = 0;
  std::vector<std::pair<std::uint32_t, std::size_t>> records_;  // chunks that stand whole in the body, and where each ends in it

 private:
  SimHub& hub_;
  Duration deadline_;
  int status_;
  std::string body_;
  std::string url_;
  std::size_t at_ = 0;
  std::size_t next_record_ = 0;
  http::Route route_;
  std::string request_id_ = "sim-request";
};

void SimHub::add_file(std::string const& repo, std::string const& path, Bytes size, std::uint64_t number) {
  struct Made {
    Content bytes;
    std::string blob_id;
    std::string lfs_sha256;
  };
  static std::map<std::pair<std::uint64_t, Bytes>, Made> all;
  auto& made = all[{number, size}];
  if (!made.bytes) {
    made.bytes = std::make_shared<std::string const>(bytes_of(number, size));
    made.blob_id = hash::git_blob_sha1(as_bytes(*made.bytes)).hex();
    if (size >= lfs_min) made.lfs_sha256 = hash::sha256(as_bytes(*made.bytes)).hex();
  }
  ListedFile file;
  file.path = path;
  file.size = size;
  file.blob_id = made.blob_id;
  file.lfs_sha256 = made.lfs_sha256;
  auto& the = repos_[repo];
  the.by_etag[file.etag()] = path;
  by_etag_[file.etag()] = made.bytes;
  the.listing.push_back(file);
  the.content[path] = made.bytes;
}

SimHub::Xorb const& SimHub::xorb(std::uint64_t number) {
  static std::map<std::uint64_t, Xorb> xorbs;  // a number says all of it: worlds may share them
  auto const [place, is_new] = xorbs.try_emplace(number);
  auto& xorb = place->second;
  if (!is_new) return xorb;
  auto const random = seeded_random(number * 104'729 + 3);
  std::vector<xet::HashedSize> leaves;
  for (std::uint32_t i = 0; i < kXorbChunks; ++i) {
    auto chunk = natural_chunk(number * 1000 + i + 1'000'000, number >= first_small_xorb ? 9'000 + random->next() % 8'000 : 60'000 + random->next() % 50'000);
    auto const size = Bytes{chunk.size()};
    leaves.push_back({xet::chunk_hash(as_bytes(chunk)), size});
    for (auto const byte : {Bytes{0}, size, size >> 8U, size >> 16U, Bytes{0}, size, size >> 8U, size >> 16U}) xorb.records += static_cast<char>(byte & 255U);
    xorb.records += chunk;
    xorb.ends.push_back(xorb.records.size());
    xorb.chunks.push_back(std::move(chunk));
  }
  xorb.id = xet::merkle_root(leaves).text();
  return xorb;
}

Bytes SimHub::size_of(Run const& run) {
  Bytes size = 0;
  for (auto i = run.first; i < run.end; ++i) size += xorb(run.xorb).chunks[i].size();
  return size;
}

void SimHub::add_xet_file(std::string const& repo, std::string const& path, std::vector<Run> const& runs) {
  struct Made {
    Content bytes;
    ListedFile file;
  };
  static std::map<std::vector<std::uint64_t>, Made> all;
  std::vector<std::uint64_t> key;
  for (auto const& run : runs) key.insert(key.end(), {run.xorb, run.first, run.end});
  auto& made = all[key];
  if (!made.bytes) {
    std::string bytes;
    std::vector<xet::HashedSize> leaves;
    for (auto const& run : runs)
      for (auto i = run.first; i < run.end; ++i) {
        auto const& chunk = xorb(run.xorb).chunks[i];
        leaves.push_back({xet::chunk_hash(as_bytes(chunk)), chunk.size()});
        bytes += chunk;
      }
    made.file.size = bytes.size();
    made.file.blob_id = hash::git_blob_sha1(as_bytes(bytes)).hex();
    made.file.lfs_sha256 = hash::sha256(as_bytes(bytes)).hex();
    made.file.xet_hash = xet::file_hash(leaves).text();
    made.bytes = std::make_shared<std::string const>(std::move(bytes));
  }
  auto file = made.file;
  file.path = path;
  xet_files_[file.xet_hash] = runs;
  auto& the = repos_[repo];
  the.by_etag[file.etag()] = path;
  by_etag_[file.etag()] = made.bytes;
  the.listing.push_back(file);
  the.content[path] = made.bytes;
}

/// Terms and URLs for the asked bytes, by xet-protocol 5.2.
std::unique_ptr<http::Response> SimHub::reconstruction(http::Request const& request, std::string_view file, bool v1) {
  ++reconstructions;
  auto const found = xet_files_.find(std::string(file));
  if (found == xet_files_.end() || (!v1 && !cas_has_v2)) return plain(request, 404, "{}");
  Bytes begin = 0;
  Bytes end = std::string::npos;
  if (auto const range = request.headers.get("Range")) {
    auto const dash = range->find('-');
    begin = std::stoull(std::string(range->substr(6, dash - 6)));
    end = std::stoull(std::string(range->substr(dash + 1))) + 1;
  }
  std::string terms;
  std::map<std::uint64_t, std::vector<std::pair<std::uint32_t, std::uint32_t>>> wanted;
  std::optional<Bytes> offset;
  Bytes at = 0;
  for (auto run : found->second) {
    auto const& chunks = xorb(run.xorb).chunks;
    auto const size = size_of(run);
    auto const next = at + size;
    if (next <= begin || at >= end) {
      at = next;
      continue;
    }
    while (at + chunks[run.first].size() <= begin) at += chunks[run.first++].size();
    if (!offset) offset = begin - at;
    Bytes length = size_of(run);
    while (run.end - run.first > 1 && at + length - chunks[run.end - 1].size() >= end) length -= chunks[--run.end].size();
    terms += std::string(terms.empty() ? "" : ",") + "{\"hash\":" + quoted(xorb(run.xorb).id) + ",\"unpacked_length\":" + std::to_string(length) +
             ",\"range\":{\"start\":" + std::to_string(run.first) + ",\"end\":" + std::to_string(run.end) + "}}";
    wanted[run.xorb].emplace_back(run.first, run.end);
    at = next;
  }
  std::string ranges;
  for (auto& [number, runs] : wanted) {
    std::sort(runs.begin(), runs.end());
    std::vector<std::pair<std::uint32_t, std::uint32_t>> merged;
    for (auto const& run : runs) {
      if (!merged.empty() && run.first <= merged.back().second)
        merged.back().second = std::max(merged.back().second, run.second);
      else
        merged.push_back(run);
    }
    auto const& the = xorb(number);
    std::string inner;
    for (auto const& [first, past] : merged) {
      auto const chunks = "{\"start\":" + std::to_string(first) + ",\"end\":" + std::to_string(past) + "}";
      auto const bytes = "{\"start\":" + std::to_string(first == 0 ? 0 : the.ends[first - 1]) + ",\"end\":" + std::to_string(the.ends[past - 1] - 1) + "}";
      auto const url = "\"url\":\"https://xorbs.sim/" + std::to_string(number) + "?sig=" + std::to_string(signature_) + "\"";
      if (!inner.empty()) inner += ",";
      inner += v1 ? "{" + url + ",\"range\":" + chunks + ",\"url_range\":" + bytes + "}"
                  : "{" + url + ",\"ranges\":[{\"chunks\":" + chunks + ",\"bytes\":" + bytes + "}]}";
    }
    ranges += std::string(ranges.empty() ? "" : ",") + quoted(the.id) + ":[" + inner + "]";
  }
  return plain(request, 200, "{\"offset_into_first_range\":" + std::to_string(offset.value_or(0)) + ",\"terms\":[" + terms + "],\"" +
                                 (v1 ? "fetch_info" : "xorbs") + "\":{" + ranges + "}}");
}

std::string SimHub::commit_of(std::string const& repo) const {
  return hash::git_blob_sha1(as_bytes(repo)).hex();
}

std::string const& SimHub::content(std::string const& repo, std::string const& path) const { return *repos_.at(repo).content.at(path); }

std::unique_ptr<http::Response> SimHub::plain(http::Request const& request, int status, std::string body, http::Headers headers) {
  good += status < 300 ? 1 : 0;
  auto answer = std::make_unique<Answer>(*this, request, status, std::move(body), request.url);
  for (auto const& [name, value] : headers) answer->headers_.set(name, value);
  answer->headers_.set("Content-Type", "application/json");
  return answer;
}

std::unique_ptr<SimHub::Answer> SimHub::file(http::Request const& request, std::string const& bytes, std::string final_url) {
  Bytes begin = 0;
  Bytes end = bytes.size();
  int status = 200;
  if (auto const range = request.headers.get("Range")) {
    auto const dash = range->find('-');
    begin = std::stoull(std::string(range->substr(6, dash - 6)));
    end = std::stoull(std::string(range->substr(dash + 1))) + 1;
    status = 206;
  }
  auto body = bytes.substr(begin, end - begin);
  auto const size = body.size();
  if (size > 0 && roll(faults.corrupt)) {
    body[random_->next() % size] ^= 1;
    ++corrupted;
    at_stake += bytes.size();
  }
  auto answer = std::make_unique<Answer>(*this, request, status, std::move(body), std::move(final_url));
  if (status == 206)
    answer->headers_.set("Content-Range", "bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" + std::to_string(bytes.size()));
  answer->headers_.set("Content-Type", "application/octet-stream");
  answer->counts_ = true;
  if (size > 0 && roll(faults.cut)) answer->cut_at_ = random_->next() % size;
  if (size > 0 && roll(faults.stall)) answer->stall_at_ = random_->next() % size;
  answer->slow_ = roll(faults.slow);
  ++bodies;
  ++good;
  return answer;
}

std::unique_ptr<http::Response> SimHub::xorb_range(http::Request const& request, std::uint64_t number) {
  auto const& the = xorb(number);
  auto answer = file(request, the.records, request.url);
  auto const range = request.headers.get("Range");
  auto const begin = range ? std::stoull(std::string(range->substr(6))) : 0;
  answer->xorb_ = number;
  for (std::uint32_t i = 0; i < the.ends.size(); ++i)
    if ((i == 0 ? 0 : the.ends[i - 1]) >= begin) answer->records_.emplace_back(i, the.ends[i] - begin);
  return answer;
}

Async<std::unique_ptr<http::Response>> SimHub::send(http::Request request) {
  bool const counted = window.quota > 0 && request.url.starts_with(std::string(kEndpoint) + "/");
  if (!counted) {
    auto plain_answer = co_await send_on(std::move(request), false);
    co_return plain_answer;
  }
  std::string const category = request.url.find("/resolve/") == std::string::npos ? "api" : "resolvers";
  auto& state = windows_[category];
  auto const now = time_.now();
  if (now >= state.end) state = {now + window.length, window.quota, false};
  auto const end = state.end;
  bool const refuse = state.left == 0;
  if (refuse) {
    ++refused;
    into_the_empty += state.told_empty ? 1 : 0;
  } else {
    --state.left;
  }
  auto const url = request.url;
  auto const field = "\"" + category + "\";r=" + std::to_string(state.left) +
                     ";t=" + std::to_string(std::chrono::ceil<std::chrono::seconds>(end - now).count());
  bool const empty = state.left == 0;
  auto answer = co_await send_on(std::move(request), refuse);
  if (!answer) co_return answer.error();
  auto& the = static_cast<Answer&>(**answer);
  if (the.url() == url) {
    the.headers_.set("RateLimit", field);
  } else {
    the.hops_.front().second.set("RateLimit", field);
  }
  if (empty && windows_[category].end == end) windows_[category].told_empty = true;
  co_return std::move(*answer);
}

Async<std::unique_ptr<http::Response>> SimHub::send_on(http::Request request, bool refuse) {
  std::string_view const url = request.url;
  bool const for_bytes = url.find("/resolve/") != std::string::npos || url.starts_with("https://cdn.sim/") || url.starts_with("https://xorbs.sim/");
  auto counted = for_bytes ? std::make_unique<Using>(*this) : nullptr;
  auto answered = co_await answer(std::move(request), refuse);
  if (answered) static_cast<Answer&>(**answered).using_ = std::move(counted);
  co_return answered;
}

Async<std::unique_ptr<http::Response>> SimHub::answer(http::Request request, bool refuse) {
  ++requests;
  bool const arrived = co_await time_.sleep_for(Duration(std::chrono::milliseconds(2 + random_->next() % 20)));
  if (!arrived) co_return fail(ErrorKind::cancelled, "cancelled");
  if (down || roll(faults.refuse)) co_return fail(ErrorKind::unreachable, "hub.sim:443 refuses connections");
  auto const host = request.url.substr(8, request.url.find('/', 8) - 8);
  if (dead_hosts.contains(host)) {
    auto const patience = std::min<Duration>(request.progress_deadline, std::chrono::seconds(10));
    bool const waited = co_await time_.sleep_for(patience);
    if (!waited) co_return fail(ErrorKind::cancelled, "cancelled");
    co_return fail(ErrorKind::unreachable, host + ":443 cannot be reached at any of its addresses");
  }
  if (roll(faults.silent)) {
    bool const waited = co_await time_.sleep_for(request.progress_deadline);
    if (!waited) co_return fail(ErrorKind::cancelled, "cancelled");
    co_return fail(ErrorKind::stalled, "hub.sim:443 did not answer");
  }
  if (refuse) co_return plain(request, 429, "{\"error\":\"too many requests\"}");
  if (roll(faults.expire)) ++signature_;
  if (roll(faults.error)) {
    auto const sort = random_->next() % 3;
    http::Headers headers;
    if (sort == 2) headers.set("Retry-After", "2");
    co_return plain(request, sort == 0 ? 500 : sort == 1 ? 503 : 429, "{\"error\":\"try later\"}", headers);
  }
  std::string_view url = request.url;
  bool const to_cas = url.starts_with("https://cas.sim/") || url.starts_with("https://xorbs.sim/");
  bool const is_signed = url.starts_with("https://cdn.sim/") || url.starts_with("https://xorbs.sim/");
  if (is_signed && roll(faults.forbid)) co_return plain(request, 403, "{}");
  if (to_cas && cas_down) co_return fail(ErrorKind::unreachable, "cas.sim:443 refuses connections");
  if (url.starts_with("https://cas.sim/") && token_life > Duration::zero()) {
    auto const& token = request.token.reveal();
    bool const good_token = token.starts_with("sim-token-") && std::stoll(token.substr(10)) > seconds_of(time_.wall());
    if (!good_token) co_return plain(request, 401, "{}");
  }
  for (bool const v1 : {false, true})
    if (take_prefix(url, std::string("https://cas.sim/") + (v1 ? "v1" : "v2") + "/reconstructions/")) co_return reconstruction(request, url, v1);
  if (take_prefix(url, "https://xorbs.sim/")) {
    if (url.substr(url.find("sig=") + 4) != std::to_string(signature_)) co_return plain(request, 403, "{}");
    co_return xorb_range(request, std::stoull(std::string(url)));
  }
  if (take_prefix(url, "https://cdn.sim/")) {
    auto const slash = url.find('/');
    auto const etag = std::string(url.substr(slash + 1, url.find('?') - slash - 1));
    auto const name = std::string(url.substr(0, slash));
    auto const signature = url.substr(url.find("sig=") + 4);
    if (signature != std::to_string(signature_)) co_return plain(request, 403, "{}");
    auto const repo = name.substr(0, name.find('+')) + "/" + name.substr(name.find('+') + 1);
    co_return file(request, *repos_.at(repo).content.at(repos_.at(repo).by_etag.at(etag)), request.url);
  }
  take_prefix(url, std::string(kEndpoint) + "/");
  bool const api = take_prefix(url, "api/models/");
  for (auto const& [name, repo] : repos_) {
    auto rest = url;
    if (!take_prefix(rest, name + "/")) continue;
    if (api && take_prefix(rest, "revision/"))
      co_return plain(request, 200, "{\"sha\":" + quoted(commit_of(name)) + ",\"private\":false,\"gated\":false}");
    if (api && take_prefix(rest, "xet-read-token/")) {
      ++xet_tokens;
      auto const life = token_life > Duration::zero() ? token_life : Duration(std::chrono::hours(1'000'000));
      auto const end = std::to_string(seconds_of(time_.wall()) + std::chrono::duration_cast<std::chrono::seconds>(life).count());
      co_return plain(request, 200, "{\"accessToken\":\"sim-token-" + end + "\",\"exp\":" + end + R"(,"casUrl":"https://cas.sim"})");
    }
    if (api && (take_prefix(rest, "tree/") || take_prefix(rest, "paths-info/"))) {
      std::string json = "[";
      for (auto const& entry : repo.listing) {
        if (!request.body.empty() && request.body.find(quoted(entry.path)) == std::string::npos) continue;
        json += (json.size() > 1 ? "," : "") + entry_json(entry);
      }
      co_return plain(request, 200, json + "]");
    }
    if (!api && take_prefix(rest, "resolve/" + commit_of(name) + "/")) {
      auto const found = repo.content.find(std::string(rest));
      if (found == repo.content.end()) break;
      ++resolves;
      auto const listed = std::find_if(repo.listing.begin(), repo.listing.end(), [&](ListedFile const& file) { return file.path == rest; });
      if (listed->lfs_sha256.empty()) co_return file(request, *found->second, request.url);
      auto flat = name;
      std::replace(flat.begin(), flat.end(), '/', '+');
      auto redirected = file(request, *found->second, "https://cdn.sim/" + flat + "/" + listed->etag() + "?sig=" + std::to_string(signature_));
      redirected->hops_.emplace_back(request.url, http::Headers{});
      co_return std::unique_ptr<http::Response>(std::move(redirected));
    }
  }
  http::Headers headers;
  headers.set("X-Error-Code", "EntryNotFound");
  co_return plain(request, 404, "{}", headers);
}

}  // namespace hubd::sim
